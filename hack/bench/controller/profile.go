package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"
)

// pprofAddress is where a manager that is profiled has its profiles.
const pprofAddress = "127.0.0.1:36060"

// profileOver is how long the processes are profiled.
const profileOver = 15 * time.Second

// profiled begins to make profiles, where they are asked for; what it returns waits for them.
func (w *world) profiled(ctx context.Context) func() error {
	var group errgroup.Group
	if w.options.profiles != "" {
		group.Go(func() error { return w.profile(ctx, w.options.profiles, profileOver) })
	}
	return group.Wait
}

// profile keeps CPU profiles of the manager, the control plane and the load over so long a time in a folder.
func (w *world) profile(ctx context.Context, folder string, over time.Duration) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	var group errgroup.Group
	group.Go(func() error {
		return download(ctx, http.DefaultClient, "http://"+pprofAddress+cpuProfile(over), filepath.Join(folder, "manager.pprof"))
	})
	group.Go(func() error {
		client, err := rest.HTTPClientFor(w.plane.Config)
		if err != nil {
			return err
		}
		return download(ctx, client, w.plane.Config.Host+cpuProfile(over), filepath.Join(folder, "plane.pprof"))
	})
	group.Go(func() (err error) {
		file, err := os.Create(filepath.Join(folder, "load.pprof"))
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		if err := pprof.StartCPUProfile(file); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
		select {
		case <-time.After(over):
		case <-ctx.Done():
		}
		return nil
	})
	return group.Wait()
}

// keepHeap keeps a profile of the manager's heap, where profiles are asked for.
func (w *world) keepHeap(ctx context.Context) error {
	if w.options.profiles == "" {
		return nil
	}
	if err := os.MkdirAll(w.options.profiles, 0o755); err != nil {
		return err
	}
	return download(ctx, http.DefaultClient, "http://"+pprofAddress+"/debug/pprof/heap", filepath.Join(w.options.profiles, "heap.pprof"))
}

func cpuProfile(over time.Duration) string {
	return "/debug/pprof/profile?seconds=" + strconv.Itoa(int(over.Seconds()))
}

func download(ctx context.Context, client *http.Client, url, path string) (err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("get %s: %s", url, response.Status)
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	_, err = io.Copy(file, response.Body)
	return err
}
