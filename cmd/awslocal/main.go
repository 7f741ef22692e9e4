// Command awslocal runs the local AWS of this project by itself, for people who want to play with it: it provisions what
// the project's AWS manifests would and prints how to reach it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintf(os.Stderr, "awslocal: %v\n", err)
		os.Exit(1)
	}
}

// settings are the command line.
type settings struct {
	port     int
	scanner  string
	stateDir string
	region   string
	email    string
	quotas   bool
	faults   faultFlags
}

func parse(arguments []string, errors io.Writer) (settings, error) {
	var s settings
	flags := flag.NewFlagSet("awslocal", flag.ContinueOnError)
	flags.SetOutput(errors)
	flags.IntVar(&s.port, "port", 4566, "port of 127.0.0.1 to listen on; 0 for any free one")
	flags.StringVar(&s.scanner, "scanner", "bin/scanner", "binary that runs as the container of every task")
	flags.StringVar(&s.stateDir, "state-dir", "", "folder for the Git repositories, kept at the end (default a temporary one, removed at the end)")
	flags.StringVar(&s.region, "region", "us-east-1", "region")
	flags.StringVar(&s.email, "email", awslocal.DefaultNames().Email, "address that is subscribed to the findings")
	flags.BoolVar(&s.quotas, "quotas", false, "enforce the default rate limits and vCPU quotas of ECS and Fargate")
	flags.Var(&s.faults, "fault", "misbehave: "+faultHelp+"; may be repeated")
	if err := flags.Parse(arguments); err != nil {
		return settings{}, err
	}
	if flags.NArg() > 0 {
		return settings{}, fmt.Errorf("unexpected argument %q; see --help", flags.Arg(0))
	}
	return s, nil
}

func run(ctx context.Context, arguments []string, out, errs io.Writer) (err error) {
	s, err := parse(arguments, errs)
	if err != nil {
		return err
	}
	scanner, err := filepath.Abs(s.scanner)
	if err != nil {
		return fmt.Errorf("scanner %s: %w", s.scanner, err)
	}
	if _, err := os.Stat(scanner); err != nil {
		fmt.Fprintf(errs, "awslocal: %v: tasks will fail to pull their image; build the scanner or name it with --scanner\n", err)
	}
	options := awslocal.Options{
		Address: fmt.Sprintf("127.0.0.1:%d", s.port), Region: s.region, Dir: s.stateDir, Scanner: scanner, Timing: awslocal.DemoTiming(),
	}
	if s.quotas {
		options.Quotas = awslocal.DefaultQuotas()
	}
	server, err := awslocal.Start(options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	names := awslocal.DefaultNames()
	names.Email = s.email
	resources, err := awslocal.Provision(ctx, server.Config(), names)
	if err != nil {
		return err
	}
	s.faults.apply(server.Faults())
	announce(out, server, resources)
	<-ctx.Done()
	return nil
}

// announce prints how to reach the server, in a form that a shell can read.
func announce(out io.Writer, server *awslocal.Server, r awslocal.Resources) {
	c := server.Credentials()
	for _, line := range [][2]string{
		{"AWS_ENDPOINT_URL", server.URL()}, {"AWS_REGION", server.Region()},
		{"AWS_ACCESS_KEY_ID", c.AccessKeyID}, {"AWS_SECRET_ACCESS_KEY", c.SecretAccessKey}, {"AWS_SESSION_TOKEN", c.SessionToken},
	} {
		fmt.Fprintf(out, "export %s=%s\n", line[0], line[1])
	}
	for _, line := range [][2]string{
		{"cluster", r.ClusterARN}, {"task definition", r.TaskDefinitionARN}, {"subnet", r.Subnets[0]}, {"security group", r.SecurityGroups[0]},
		{"inbox", r.QueueURL}, {"dead letters", r.DeadLetterQueueURL}, {"topic", r.TopicARN}, {"bucket", r.Bucket}, {"log group", r.LogGroup},
		{"repositories", server.GitURL("NAME")}, {"mail", server.URL() + "/_awslocal/mail"},
		{"also", server.URL() + "/_awslocal/{tasks,events,calls,publishes,logs,undelivered}"},
	} {
		fmt.Fprintf(out, "# %-16s %s\n", line[0], line[1])
	}
	fmt.Fprintln(out, "# ready; Ctrl-C stops it")
}
