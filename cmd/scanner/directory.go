package main

import (
	"context"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/scan"
)

// modeDirectory names in a report what was scanned; no job has this mode.
const modeDirectory = "Directory"

func (p *program) directoryCommand() *cobra.Command {
	return p.localCommand(&cobra.Command{
		Use:     "dir [PATH]",
		Aliases: []string{"directory", "filesystem", "fs"},
		Short:   "Scan a folder or a file as it lies there",
		Long: `dir scans the files in a folder, the current one if none is given. Folders named .git are left out, symbolic links are not
followed, and archives are opened.`,
		Example: "  scanner dir\n  scanner dir --format sarif --output scan.sarif src",
	}, func(ctx context.Context, l *local, path string) (scan.Result, contract.Source, error) {
		tell, end := l.progress()
		defer end()
		result, err := scan.Directory(ctx, path, scan.DirectoryOptions{Engine: l.engine, Workers: l.flags.workers, Progress: tell, Log: l.log})
		if err != nil {
			return result, contract.Source{}, err
		}
		name := filepath.Base(path)
		if whole, absErr := filepath.Abs(path); absErr == nil {
			name = filepath.Base(whole)
		}
		shown, err := l.engine.Detector().DisplayPath(ctx, name)
		return result, contract.Source{Repository: shown, Mode: modeDirectory}, err
	})
}
