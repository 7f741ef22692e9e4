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
	// Account is the number of the account. Default: the local AWS's.
	Account string
	// Roles are the IAM roles that can be assumed and whose policies bind, IdentityProviders whose tokens are taken for them.
	// Default: the manager and the tasks may do everything.
	Roles             []awslocal.Role
	IdentityProviders []awslocal.IdentityProvider
	// Beside is a stack of another account that shares its endpoint with this one; see awslocal.Options.
	Beside *Stack
}

// Stack is a local AWS that is provisioned.
type Stack struct {
	// AWS is the server.
	AWS *awslocal.Server
	// Resources are what was made in it.
	Resources awslocal.Resources
	// Config is for SDK clients that act as the manager.
	Config aws.Config
	// Admin is for SDK clients that act as the IAM user administrator, who makes the resources and looks at them.
	Admin aws.Config

	dir    string
	ownDir bool
}

// The IAM users beside the manager's role, which would do nothing of this: Developer pushes and opens pull requests,
// Administrator makes the resources.
const (
	Developer     = "developer"
	Administrator = "administrator"
)

// Start starts a local AWS and makes in it what config/aws would in a real one. The caller calls Close.
func Start(ctx context.Context, options Options) (*Stack, error) {
	stack := &Stack{dir: options.Dir}
	if err := stack.makeDir(); err != nil {
		return nil, err
	}
	server, err := awslocal.Start(options.server(stack.dir))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the local AWS: %w", err), stack.removeDir())
	}
	stack.AWS, stack.Config = server, server.Config()
	if stack.Admin, err = server.UserConfig(Administrator); err != nil {
		return nil, errors.Join(err, stack.Close())
	}
	stack.Resources, err = awslocal.Provision(ctx, stack.Admin, awslocal.DefaultNames())
	if err != nil {
		return nil, errors.Join(err, stack.Close())
	}
	return stack, nil
}

func (o Options) server(dir string) awslocal.Options {
	server := awslocal.Options{
		Dir: dir, Scanner: o.Scanner, Timing: o.Timing, Account: o.Account, Users: []string{Developer, Administrator},
		Roles: o.Roles, IdentityProviders: o.IdentityProviders,
	}
	if o.Beside != nil {
		server.Beside = o.Beside.AWS
	}
	return server
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
