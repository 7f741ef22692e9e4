package main

import (
	"context"
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

const longHelp = `scanner scans a Git repository for leaked AWS credentials and account numbers.

Without arguments it is the container of a ScanJob: it reads what to scan from the environment that the operator sets
(SCAN_SOURCE_URL, SCAN_REVISION, SCAN_MODE and more, see docs/scanner.md), publishes what it found, and ends with

   0  scanned, nothing found
  10  scanned, something found, and the topic has accepted it
  64  the request cannot be scanned; the last line of the log says what to change
  75  a temporary failure; try again`

// execute runs the program and returns its exit code.
func execute(arguments []string, environment func(string) string, stdout, stderr io.Writer) int {
	code := contract.ExitRequest
	root := &cobra.Command{
		Use:           "scanner",
		Short:         "Scan a Git repository for leaked AWS credentials",
		Long:          longHelp,
		Version:       version(),
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(*cobra.Command, []string) error {
			code = runContract(environment, slog.New(slog.NewJSONHandler(stderr, nil)))
			return nil
		},
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetArgs(arguments)
	root.SetOut(stdout)
	root.SetErr(stderr)
	ran := false
	root.PersistentPreRun = func(*cobra.Command, []string) { ran = true }
	if err := root.Execute(); err != nil {
		fmt.Fprintf(stderr, "scanner: %v; see scanner --help\n", err)
		return contract.ExitRequest
	}
	if !ran {
		// Help or the version was asked for.
		return contract.ExitClean
	}
	return code
}

// runContract runs a scan until its end, its deadline or a signal.
func runContract(environment func(string) string, log *slog.Logger) int {
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
	return run(ctx, environment, log)
}

// version returns the version that the program was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "unknown"
	}
	return info.Main.Version
}
