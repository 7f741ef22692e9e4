// Command image builds the container images of the manager and the scanner from static Go programs, for several platforms
// and without a container engine, and pushes them to a registry. The same commit and the same Go give the same digests,
// wherever it is built.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// settings are the command line.
type settings struct {
	// references are the names of the images, by program.
	references map[string]string
	platforms  string
	source     string
	folder     string
	push       bool
}

func main() {
	s := settings{references: map[string]string{}}
	for _, p := range programs() {
		flag.Func(p.name, "name of the "+p.name+"'s image, REPOSITORY:TAG; without it the image is left out", func(value string) error {
			s.references[p.name] = value
			return nil
		})
	}
	flag.StringVar(&s.platforms, "platforms", "linux/amd64,linux/arm64", "platforms of the images, separated by commas")
	flag.StringVar(&s.source, "source", ".", "folder of the sources")
	flag.StringVar(&s.folder, "folder", "bin/images", "folder to write the images to, each as an OCI image layout with its SBOMs beside it")
	flag.BoolVar(&s.push, "push", false, "push the images and their SBOMs as well")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, s, os.Getenv, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, s settings, environment func(string) string, stdout io.Writer) error {
	platforms, err := parsePlatforms(s.platforms)
	if err != nil {
		return err
	}
	if len(s.references) == 0 {
		return errors.New("no image is asked for: give --manager, --scanner or both")
	}
	for _, p := range programs() {
		reference, asked := s.references[p.name]
		if !asked {
			continue
		}
		tag, err := parseTag(reference)
		if err != nil {
			return err
		}
		made, err := build(ctx, p, s.source, platforms)
		if err != nil {
			return fmt.Errorf("build the image of the %s: %w", p.name, err)
		}
		if err := made.write(s.folder, tag); err != nil {
			return fmt.Errorf("write the image of the %s: %w", p.name, err)
		}
		if s.push {
			if err := made.push(ctx, tag, keychain(environment)); err != nil {
				return fmt.Errorf("push the image of the %s: %w", p.name, err)
			}
		}
		if err := made.describe(stdout, tag, s.push); err != nil {
			return err
		}
	}
	return nil
}
