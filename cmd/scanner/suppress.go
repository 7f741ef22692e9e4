package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/scanjob-dev/scanjob/scanner/delta"
	"github.com/scanjob-dev/scanjob/scanner/failure"
)

// own returns what of the files at the path counts: whoever scans their own may say in them what is no finding.
func own(path string) trust { return trust{comments: true, file: fileBeside(path)} }

// believe takes rules and ignore files from where they are trusted.
func (l *local) believe(ctx context.Context, of trust) error {
	l.suppressed, l.ignoreProblems = of.suppressions(ctx)
	return l.configure(ctx, of.file)
}

// suppressions reads what the flags keep from counting.
func (l *local) suppressions() (s delta.Suppressions, problems []string, err error) {
	if l.flags.ignore != "" {
		file, err := os.Open(l.flags.ignore)
		if err != nil {
			return s, nil, failure.Request(err, "--ignore-file cannot be read: %v", err)
		}
		entries, wrong, err := delta.ReadScanJob(file, l.flags.ignore)
		if err = errors.Join(err, file.Close()); err != nil {
			return s, nil, failure.Request(err, "--ignore-file cannot be read: %v", err)
		}
		s.Entries, problems = append(s.Entries, entries...), append(problems, wrong...)
	}
	if l.flags.baseline == "" {
		return s, problems, nil
	}
	file, err := os.Open(l.flags.baseline)
	if err != nil {
		return s, nil, failure.Request(err, "--baseline cannot be read: %v", err)
	}
	s.Baseline, err = delta.ReadBaseline(file, l.flags.baseline)
	if err = errors.Join(err, file.Close()); err != nil {
		return s, nil, failure.Request(err, "--baseline cannot be used: %v", err)
	}
	l.log.Info(fmt.Sprintf("the baseline knows %d findings", s.Baseline.Len()))
	return s, problems, nil
}

// fileBeside returns a function that reads a file in the folder, or in that of the file, at the path.
func fileBeside(path string) func(context.Context, string) ([]byte, error) {
	folder := path
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		folder = filepath.Dir(path)
	}
	return func(_ context.Context, name string) ([]byte, error) {
		content, err := os.ReadFile(filepath.Join(folder, name))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return content, err
	}
}
