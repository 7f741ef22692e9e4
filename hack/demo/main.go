// Command demo shows the whole system at work on one machine: a pull request that leaks an AWS key becomes a scan, an
// e-mail and a finished ScanJob, and a clean one becomes neither mail nor noise. Control plane, manager and scanner are the
// real ones; AWS is the local one of internal/awslocal. It checks what it shows, so it fails where the product does.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/scanjob-dev/scanjob/internal/testplane"
)

// credentialHelper is the argument with which git calls this program; see credential.go.
const credentialHelper = "credential-helper"

// settings are the command line.
type settings struct {
	keep      bool
	namespace string
	verbose   bool
	bin       string
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == credentialHelper {
		if err := answerGit(os.Args[2:], os.Stdin, os.Stdout, os.Getenv); err != nil {
			fmt.Fprintln(os.Stderr, "demo:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(run())
}

func run() int {
	s, err := parse()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		return 2
	}
	// controller-runtime's clients complain when nobody has told them where to log.
	ctrl.SetLogger(logr.Discard())
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() {
		<-ctx.Done()
		stop() // a second Ctrl-C ends the program at once, and with it all that it started
	}()
	d := &demo{settings: s, screen: newScreen(os.Stdout)}
	err = d.play(ctx)
	if err == nil && s.keep {
		err = d.keepRunning(ctx)
	}
	if err != nil {
		d.failed = ctx.Err() == nil
		d.explain(ctx, err)
	}
	if closing := d.close(); closing != nil {
		fmt.Fprintln(os.Stderr, "demo: tidy up:", closing)
		err = errors.Join(err, closing)
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return exitInterrupted
	case err != nil:
		return 1
	}
	return 0
}

// exitInterrupted is what shells return for a program that Ctrl-C ended.
const exitInterrupted = 130

func parse() (settings, error) {
	var s settings
	environment := os.Getenv("KEEP")
	flag.BoolVar(&s.keep, "keep", environment != "" && environment != "0", "leave everything running until Ctrl-C (default: whether KEEP is set)")
	flag.StringVar(&s.namespace, "namespace", "scans", "namespace of the ScanEnvironment, ScanTrigger and ScanJobs")
	flag.BoolVar(&s.verbose, "verbose", false, "print the manager's log as it comes, on standard error")
	flag.StringVar(&s.bin, "bin", "", "folder of the programs manager and scanner (default: bin/ of this repository)")
	flag.Parse()
	if flag.NArg() > 0 {
		return s, fmt.Errorf("unexpected argument %q; see --help", flag.Arg(0))
	}
	root, err := testplane.ModuleRoot()
	if err != nil {
		return s, fmt.Errorf("run the demo in the repository's folder, best with `make demo`: %w", err)
	}
	if s.bin == "" {
		s.bin = filepath.Join(root, "bin")
	}
	for _, program := range []string{"manager", "scanner"} {
		if _, err := os.Stat(filepath.Join(s.bin, program)); err != nil {
			return s, fmt.Errorf("%w: run `make demo`, which builds it", err)
		}
	}
	return s, nil
}
