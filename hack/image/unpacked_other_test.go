//go:build !linux

package main

import (
	"os/exec"
	"testing"
)

// unpacked runs images without an engine, which only Linux can.
type unpacked struct{ shelf shelf }

func (unpacked) launch(t *testing.T, _ string, _ start) *exec.Cmd {
	t.Skip("images for Linux cannot be run on this system without a container engine; start podman or docker")
	return nil
}
