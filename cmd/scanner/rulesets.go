package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/scanjob-dev/scanjob/scanner/detect"
	"github.com/scanjob-dev/scanjob/scanner/failure"
	"github.com/scanjob-dev/scanjob/scanner/rules"
)

// The sets of rules that have names; any other name is a file in the form of gitleaks' configuration.
const (
	rulesAll = "all"
	rulesAWS = "aws"
)

// readRules returns the rules of a name.
func readRules(name string) (*rules.Set, error) {
	switch name {
	case rulesAll:
		return rules.Builtin()
	case rulesAWS:
		return rules.AWS(), nil
	}
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, failure.Request(err, "--rules %q is neither %s nor %s nor a file", name, rulesAll, rulesAWS)
	}
	if err != nil {
		return nil, failure.Request(err, "the rules cannot be read: %v", err)
	}
	set, err := rules.Parse(text, func(path string) ([]byte, error) {
		if !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(name), path)
		}
		return os.ReadFile(path)
	})
	if err != nil {
		return nil, failure.Request(err, "the rules of %s cannot be used: %v", name, err)
	}
	return set, nil
}

// newEngine returns an engine for the rules of a name.
func newEngine(name string) (*detect.Engine, error) {
	set, err := readRules(name)
	if err != nil {
		return nil, err
	}
	engine, err := detect.NewEngine(set, detect.Options{})
	if err != nil {
		return nil, failure.Request(err, "the rules cannot be used: %v", err)
	}
	return engine, nil
}
