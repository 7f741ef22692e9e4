package main

import (
	"context"
	"errors"
	"io/fs"
	"path"

	"github.com/scanjob-dev/scanjob/scanner/detect"
	"github.com/scanjob-dev/scanjob/scanner/rules"
)

// fileConfiguration is where a repository has rules and allowlists of its own.
const fileConfiguration = ".gitleaks.toml"

// configured returns an engine for the rules and for those that a trusted file of the repository adds to them. A file that cannot
// be used is a problem and no error: the rules count as they are without it.
func configured(
	ctx context.Context, set *rules.Set, options detect.Options, file func(ctx context.Context, name string) ([]byte, error),
) (*detect.Engine, []string, error) {
	engine, problems := withFile(ctx, set, options, file)
	if engine != nil {
		return engine, problems, nil
	}
	engine, err := detect.NewEngine(set, options)
	return engine, problems, err
}

// withFile returns no engine where there is no file, or none that can be used.
func withFile(
	ctx context.Context, set *rules.Set, options detect.Options, file func(ctx context.Context, name string) ([]byte, error),
) (*detect.Engine, []string) {
	if file == nil {
		return nil, nil
	}
	content, err := file(ctx, fileConfiguration)
	if err != nil {
		return nil, []string{fileConfiguration + " cannot be read and does not count"}
	}
	if content == nil {
		return nil, nil
	}
	added, notes, err := set.Add(content, func(name string) ([]byte, error) {
		if path.Base(name) != path.Clean(name) {
			return nil, errors.New("only a file in the topmost folder can be extended")
		}
		more, err := file(ctx, path.Clean(name))
		if err == nil && more == nil {
			err = fs.ErrNotExist
		}
		return more, err
	})
	var engine *detect.Engine
	if err == nil {
		engine, err = detect.NewEngine(added, options)
	}
	if err != nil {
		// The text may quote the file.
		return nil, []string{fileConfiguration + " does not count, the scan went on with the rules that are built in: " + detect.DisplayPath(err.Error())}
	}
	problems := make([]string, 0, len(notes))
	for _, note := range notes {
		problems = append(problems, fileConfiguration+": "+detect.DisplayPath(note))
	}
	return engine, problems
}
