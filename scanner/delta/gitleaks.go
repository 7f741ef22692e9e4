package delta

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/scanjob-dev/scanjob/scanner/detect"
)

// The names of the ignore files, in the topmost folder of a repository.
const (
	FileGitleaks = ".gitleaksignore"
	FileScanJob  = ".scanjobignore"
)

const (
	// maxFile bounds an ignore file in bytes. What is behind it does not count, which can only make more findings count.
	maxFile = 4 << 20
	// maxProblems bounds what is told of a file, so that one that is something else altogether is no flood.
	maxProblems = 20

	digestDigits = 64 // of a fingerprint: SHA-256 in hexadecimal digits
	commitDigits = 40
)

// ReadGitleaks reads an ignore file in gitleaks' form: in each line the fingerprint that gitleaks gives a finding,
// commit:file:rule:line or file:rule:line, or a fingerprint of ours. Lines that begin with # are comments. Problems are lines
// that mean nothing; they do not count. The error is one of reading.
func ReadGitleaks(content io.Reader, name string) (entries []Entry, problems []string, err error) {
	return read(content, name, gitleaksEntry)
}

func gitleaksEntry(line string) (Entry, error) {
	if isHex(line, digestDigits) {
		return Entry{Fingerprint: strings.ToLower(line)}, nil
	}
	rest, number := cutLast(line)
	path, rule := cutLast(rest)
	at, err := strconv.Atoi(number)
	if err != nil || at < 0 || rule == "" || path == "" {
		return Entry{}, errors.New("is neither commit:file:rule:line nor file:rule:line nor a fingerprint")
	}
	entry := Entry{Rule: rule, Line: at, ByLine: true}
	if commit, file, ok := strings.Cut(path, ":"); ok && (isHex(commit, commitDigits) || isHex(commit, digestDigits)) {
		entry.Commit, path = strings.ToLower(commit), file
	}
	// gitleaks on Windows writes its paths with backslashes.
	entry.Path = detect.DisplayPath(strings.ReplaceAll(path, `\`, "/"))
	return entry, nil
}

// cutLast parts a text at its last colon: a path may hold some.
func cutLast(text string) (before, after string) {
	at := strings.LastIndexByte(text, ':')
	if at < 0 {
		return "", text
	}
	return text[:at], text[at+1:]
}

func isHex(text string, digits int) bool {
	return len(text) == digits && strings.Trim(text, "0123456789abcdefABCDEF") == ""
}

// read reads a file of one entry a line.
func read(content io.Reader, name string, parse func(line string) (Entry, error)) (entries []Entry, problems []string, err error) {
	data, err := io.ReadAll(io.LimitReader(content, maxFile+1))
	if err != nil {
		return nil, nil, err
	}
	untold := 0
	tell := func(problem string) {
		if len(problems) == maxProblems {
			untold++
			return
		}
		problems = append(problems, problem)
	}
	if len(data) > maxFile {
		tell(fmt.Sprintf("%s has more than %d MiB; what is behind them does not count", name, maxFile>>20))
		data = data[:bytes.LastIndexByte(data[:maxFile], '\n')+1]
	}
	lines := bufio.NewScanner(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	lines.Buffer(nil, maxFile+1)
	for number := 1; lines.Scan(); number++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		where := fmt.Sprintf("%s:%d", name, number)
		entry, err := parse(line)
		if err != nil {
			tell(fmt.Sprintf("%s does not count: it %v", where, err))
			continue
		}
		entry.Where = where
		entries = append(entries, entry)
	}
	if untold > 0 {
		problems = append(problems, fmt.Sprintf("%s has %d more such lines", name, untold))
	}
	return entries, problems, lines.Err()
}
