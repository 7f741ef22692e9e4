// Command devplane is a Kubernetes control plane in one process: etcd, kube-apiserver, and the garbage-collector and
// namespace controllers, all unmodified, built from pinned Go modules. The demo and the tests run the operator against it.
// It has no scheduler, no kubelet and no workload controllers: pods are stored, never run.
//
// It is for one machine and one user: it listens on loopback, keeps its data without fsync, and its kubeconfig holds an
// administrator's token.
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
	"time"

	"golang.org/x/sync/errgroup"
)

func main() {
	dir := flag.String("dir", "", "folder for etcd's data, certificates and kubeconfig (required; kept between runs)")
	port := flag.Int("port", 0, "port of the API server on 127.0.0.1 (default: the one in the folder's kubeconfig, else a free one)")
	lifeline := flag.Bool("until-stdin-closes", false, "stop when standard input ends, so that no orphan outlives its parent")
	flag.Parse()

	if err := run(*dir, *port, *lifeline); err != nil {
		fmt.Fprintln(os.Stderr, "devplane:", err)
		os.Exit(1)
	}
}

func run(dir string, port int, lifeline bool) error {
	if dir == "" {
		return fmt.Errorf("--dir is required")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	plane, err := layOut(dir, port)
	if err != nil {
		return err
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if lifeline {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			stop()
		}()
	}

	etcd, err := startEtcd(ctx, filepath.Join(dir, "etcd"))
	if err != nil {
		return fmt.Errorf("start etcd: %w", err)
	}
	defer etcd.Close()

	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return runAPIServer(ctx, plane, etcd.Clients[0].Addr().String()) })
	group.Go(func() error {
		start := time.Now()
		if err := waitReady(ctx, plane); err != nil {
			return err
		}
		fmt.Printf("devplane: API server ready at %s after %.1fs\n", plane.url(), time.Since(start).Seconds())
		return runControllers(ctx, plane.restConfig())
	})
	err = group.Wait()
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
