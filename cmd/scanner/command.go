package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/failure"
)

const longHelp = `scanner finds secrets in folders and Git repositories: AWS credentials, account numbers, and those of others.

Without arguments it is the container of a ScanJob: it reads what to scan from the environment that the operator sets
(SCAN_SOURCE_URL, SCAN_REVISION, SCAN_MODE and more, see docs/scanner.md) and publishes what it found.

It ends with

   0  scanned, nothing found
  10  scanned, something found, and the topic has accepted it
  64  the request cannot be scanned; the last line of the log says what to change
  75  a temporary failure; try again`

// execute runs the program and returns its exit code.
func execute(arguments []string, environment func(string) string, stdout, stderr io.Writer) int {
	p := &program{environment: environment, stdout: stdout, stderr: stderr, code: contract.ExitClean}
	root := &cobra.Command{
		Use:           "scanner",
		Short:         "Find secrets in folders and Git repositories",
		Long:          longHelp,
		Version:       version(),
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(*cobra.Command, []string) error {
			trustRoots()
			return p.untilSignal(func(ctx context.Context) error {
				p.code = run(ctx, environment, slog.New(slog.NewJSONHandler(stderr, nil)))
				return nil
			})
		},
	}
	root.AddCommand(p.directoryCommand(), p.treeCommand(), p.changesCommand(), p.historyCommand(), p.stagedCommand(), p.rulesCommand())
	root.SetArgs(arguments)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.Execute()
	if err == nil {
		return p.code
	}
	var classified *failure.Error
	if !errors.As(err, &classified) {
		fmt.Fprintf(stderr, "scanner: %v; see scanner --help\n", err)
		return contract.ExitRequest
	}
	fmt.Fprintf(stderr, "scanner: %s\n", classified.Message)
	return classified.ExitCode
}

// untilSignal calls do with a context that ends when the program is told to.
func (p *program) untilSignal(do func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	defer signal.Stop(signals)
	go func() {
		select {
		case received := <-signals:
			cancel(failure.Temporary(nil, "stopped by %v before the end of the scan", received))
		case <-ctx.Done():
		}
	}()
	if err := do(ctx); err != nil {
		return failure.Classify(ctx, err)
	}
	return nil
}

// version returns the version that the program was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "unknown"
	}
	return info.Main.Version
}
