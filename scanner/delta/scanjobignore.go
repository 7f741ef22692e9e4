package delta

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/scanjob-dev/scanjob/scanner/detect"
)

// ReadScanJob reads an ignore file in ScanJob's form. A line says what is ignored, optionally until which day, and after # why:
//
//	FINGERPRINT                     until 2027-01-01  # the key is revoked
//	path:testdata/** rule:jwt       until 2027-01-01  # made up for tests
//	rule:aws-account-id                               # not secret in this organisation
//
// FINGERPRINT is that of a report. path is a pattern in which ** stands for any folders, * and ? for characters within one
// name. An entry counts through the day that it names, in UTC. The reason is required: nobody can judge an entry without one.
// Problems and errors are those of ReadGitleaks.
func ReadScanJob(content io.Reader, name string) (entries []Entry, problems []string, err error) {
	return read(content, name, scanJobEntry)
}

func scanJobEntry(line string) (Entry, error) {
	what, reason, _ := strings.Cut(strings.ReplaceAll(line, "\t", " "), " #")
	// People write reasons, and may write there what they should not.
	entry := Entry{Glob: true, Reason: detect.DisplayPath(strings.TrimSpace(reason))}
	if entry.Reason == "" {
		return Entry{}, errors.New("gives no reason: add one after \" # \"")
	}
	words := strings.Fields(what)
	for i := 0; i < len(words); i++ {
		key, value, _ := strings.Cut(words[i], ":")
		switch {
		case isHex(words[i], digestDigits) && entry.Fingerprint == "":
			entry.Fingerprint = strings.ToLower(words[i])
		case key == "path" && value != "" && entry.Path == "":
			if !doublestar.ValidatePattern(value) {
				return Entry{}, errors.New("has a pattern of paths that means nothing")
			}
			entry.Path = value
		case key == "rule" && value != "" && entry.Rule == "":
			entry.Rule = value
		case words[i] == "until" && i+1 < len(words) && entry.Until.IsZero():
			i++
			day, err := time.Parse(time.DateOnly, words[i])
			if err != nil {
				return Entry{}, errors.New("has no date such as 2027-01-01 after until")
			}
			entry.Until = day
		default:
			return Entry{}, fmt.Errorf("has a word %d that is none of a fingerprint, path:PATTERN, rule:ID and until DATE, once each", i+1)
		}
	}
	if entry.Fingerprint == "" && entry.Path == "" && entry.Rule == "" {
		return Entry{}, errors.New("names neither a fingerprint nor path:PATTERN nor rule:ID")
	}
	return entry, nil
}
