// Package devstack is what the demo and the end-to-end tests play on: the local AWS with everything that the operator
// needs in it, a developer's repository, and a manager as a process of its own.
package devstack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

// Options say what to start.
type Options struct {
	// Dir is where repositories and work trees are kept. Default: a temporary folder that Close removes.
	Dir string
	// Scanner is the path of the scanner binary that tasks run.
	Scanner string
	// Timing is how long tasks stay in each state. Default: as fast as can be.
	Timing awslocal.Timing
}

// Stack is a local AWS that is provisioned.
type Stack struct {
	// AWS is the server.
	AWS *awslocal.Server
	// Resources are what was made in it.
	Resources awslocal.Resources
	// Config is for SDK clients that act as the manager.
	Config aws.Config

	dir    string
	ownDir bool
}

// Developer is the IAM user that pushes and opens pull requests; the manager's role would do neither.
const Developer = "developer"

// Start starts a local AWS and makes in it what config/aws would in a real one. The caller calls Close.
func Start(ctx context.Context, options Options) (*Stack, error) {
	stack := &Stack{dir: options.Dir}
	if err := stack.makeDir(); err != nil {
		return nil, err
	}
	server, err := awslocal.Start(awslocal.Options{
		Dir: stack.dir, Scanner: options.Scanner, Timing: options.Timing, Users: []string{Developer},
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the local AWS: %w", err), stack.removeDir())
	}
	stack.AWS, stack.Config = server, server.Config()
	stack.Resources, err = awslocal.Provision(ctx, stack.Config, awslocal.DefaultNames())
	if err != nil {
		return nil, errors.Join(err, stack.Close())
	}
	return stack, nil
}

// Close stops the server and the tasks that run. Its error holds what went wrong in the server meanwhile.
func (s *Stack) Close() error { return errors.Join(s.AWS.Close(), s.removeDir()) }

func (s *Stack) makeDir() error {
	if s.dir == "" {
		dir, err := os.MkdirTemp("", "devstack-")
		if err != nil {
			return fmt.Errorf("make a folder for the local AWS: %w", err)
		}
		s.dir, s.ownDir = dir, true
	}
	dir, err := filepath.Abs(s.dir)
	if err != nil {
		return fmt.Errorf("resolve the folder %s: %w", s.dir, err)
	}
	s.dir = dir
	return nil
}

func (s *Stack) removeDir() error {
	if !s.ownDir {
		return nil
	}
	return os.RemoveAll(s.dir)
}
