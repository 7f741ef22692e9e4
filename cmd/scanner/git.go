package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/failure"
	"github.com/scanjob-dev/scanjob/scanner/scan"
	"github.com/scanjob-dev/scanjob/scanner/source"
)

// gitFlags name commits.
type gitFlags struct{ revision, base, configuration string }

// Whose configuration counts for changes.
const (
	ofBase   = "base"
	ofSource = "source"
	ofNobody = "none"
)

// believeChanges decides what counts for changes: they may be another's, who must not switch the scan of them off.
func (l *local) believeChanges(ctx context.Context, repository *source.Repository, configuration string) error {
	switch configuration {
	case ofBase:
		return l.believe(ctx, trust{file: repository.TargetFile})
	case ofNobody:
		return l.believe(ctx, trust{})
	case ofSource:
		return nil
	}
	return failure.Request(nil, "--configuration is %s, %s or %s", ofBase, ofSource, ofNobody)
}

func (p *program) treeCommand() *cobra.Command {
	return p.gitCommand(&cobra.Command{
		Use:   "tree [REPOSITORY]",
		Short: "Scan the files of one commit",
		Long: `tree scans what a commit holds, HEAD if none is named, straight from Git's objects: nothing is checked out, and files that are not
committed do not count.`,
		Example: "  scanner tree\n  scanner tree --revision v1.2.0 ../payments",
	}, contract.ModeTree)
}

func (p *program) changesCommand() *cobra.Command {
	return p.gitCommand(&cobra.Command{
		Use:   "changes [REPOSITORY]",
		Short: "Scan the commits that a branch adds to another",
		Long: `changes scans every commit that the revision (HEAD) has and the base (the default branch) has not, as a pull request of the one
into the other would bring them. A secret that one commit adds and a later one removes is leaked, and is found. What the changes
themselves say in ignore files and comments does not count, only what is on the base.`,
		Example: "  scanner changes\n  scanner changes --base origin/release --revision my-branch",
	}, contract.ModeChanges)
}

func (p *program) historyCommand() *cobra.Command {
	return p.gitCommand(&cobra.Command{
		Use:     "history [REPOSITORY]",
		Short:   "Scan all that a repository ever held",
		Long:    `history scans every file of every commit that leads to the revision (HEAD), each content once.`,
		Example: "  scanner history\n  scanner history --base v1.0.0",
	}, contract.ModeHistory)
}

func (p *program) stagedCommand() *cobra.Command {
	return p.gitCommand(&cobra.Command{
		Use:     "staged [REPOSITORY]",
		Short:   "Scan what the next commit would bring",
		Long:    `staged scans what is in the index and not in HEAD, for a pre-commit hook.`,
		Example: "  scanner staged",
	}, source.ModeStaged)
}

// gitCommand returns a command that scans a repository on this disk in a mode.
func (p *program) gitCommand(c *cobra.Command, mode string) *cobra.Command {
	var flags gitFlags
	if mode != source.ModeStaged {
		c.Flags().StringVar(&flags.revision, "revision", "", "branch, tag or commit to scan (default HEAD)")
	}
	switch mode {
	case contract.ModeChanges:
		c.Flags().StringVar(&flags.base, "base", "", "branch, tag or commit to compare with (default the default branch)")
		c.Flags().StringVar(&flags.configuration, "configuration", ofBase,
			"whose ignore files, rules and comments count: those of the base, which the changes cannot touch, of the source, or none")
		cobra.CheckErr(c.RegisterFlagCompletionFunc("configuration", cobra.FixedCompletions([]string{ofBase, ofSource, ofNobody}, cobra.ShellCompDirectiveDefault)))
	case contract.ModeHistory:
		c.Flags().StringVar(&flags.base, "base", "", "leave out what is in this commit, too")
	}
	return p.localCommand(c, func(ctx context.Context, l *local, path string) (_ scan.Result, _ contract.Source, err error) {
		repository, err := source.OpenLocal(ctx, source.LocalRequest{
			Path: path, Mode: mode, Revision: flags.revision, BaseRevision: flags.base, IndexFile: l.environment("GIT_INDEX_FILE"), Log: l.log,
		})
		if err != nil {
			return scan.Result{}, contract.Source{}, err
		}
		defer func() { err = errors.Join(err, repository.Close()) }()
		if mode == contract.ModeChanges {
			if err := l.believeChanges(ctx, repository, flags.configuration); err != nil {
				return scan.Result{}, contract.Source{}, err
			}
		}
		detector := l.engine.Detector()
		tell, end := l.progress()
		result, err := scan.RunWithProgress(ctx, repository, detector, l.log, tell)
		end()
		if err != nil {
			return result, contract.Source{}, err
		}
		shown, err := detector.DisplayPath(ctx, repository.Name())
		return result, contract.Source{
			Repository: shown, Mode: mode, Revision: repository.Revision(), BaseRevision: repository.Base(),
		}, err
	})
}
