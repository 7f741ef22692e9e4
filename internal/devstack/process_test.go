package devstack

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// script starts a shell script in the manager's place and waits until it has said "ready".
func script(t *testing.T, text string, log *bytes.Buffer) *Process {
	t.Helper()
	path := filepath.Join(t.TempDir(), "manager")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o700); err != nil {
		t.Fatal(err)
	}
	var also io.Writer
	if log != nil {
		also = log
	}
	p, err := StartManager(path, "/some/kubeconfig", []string{"--flag=1"}, []string{"AWS_REGION=us-east-1"}, also)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Kill(); err != nil {
			t.Error(err)
		}
	})
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(20 * time.Second)
	for !strings.Contains(p.Log(), "ready") {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("the script never got ready: %s", p.Log())
		}
	}
	return p
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestAManagerGetsItsKubeconfigFlagsAndNothingElse(t *testing.T) {
	t.Setenv("AWS_CA_BUNDLE", "/host/bundle.pem")
	var log bytes.Buffer
	p := script(t, `echo "config=$KUBECONFIG region=$AWS_REGION bundle=$AWS_CA_BUNDLE flags=$*"; echo ready`, &log)
	if err := p.Err(); err != nil {
		t.Fatal(err)
	}
	if want := "config=/some/kubeconfig region=us-east-1 bundle= flags=--flag=1\nready\n"; p.Log() != want || log.String() != want {
		t.Errorf("log is %q, and %q elsewhere, want %q", p.Log(), log.String(), want)
	}
}

func TestStopLetsTheManagerTidyUp(t *testing.T) {
	p := script(t, "trap 'echo tidied; exit 0' TERM\necho ready\nwhile :; do sleep 0.05; done\n", nil)
	if err := p.Stop(within(t, 20*time.Second)); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(p.Log(), "tidied") {
		t.Errorf("log is %q, want that it tidied up", p.Log())
	}
}

func TestStopKillsAManagerThatDoesNotEnd(t *testing.T) {
	p := script(t, "trap '' TERM\necho ready\nexec sleep 600\n", nil)
	err := p.Stop(within(t, 200*time.Millisecond))
	if err == nil || !strings.Contains(err.Error(), "did not stop in time") {
		t.Errorf("error is %v, want that it did not stop in time", err)
	}
	select {
	case <-p.Done():
	default:
		t.Error("it still runs")
	}
}

func TestKillGivesNoChanceToTidyUp(t *testing.T) {
	p := script(t, "trap 'echo tidied; exit 0' TERM\necho ready\nexec sleep 600\n", nil)
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	if p.Err() == nil || strings.Contains(p.Log(), "tidied") {
		t.Errorf("it ended with %v and log %q, want killed", p.Err(), p.Log())
	}
	if err := p.Kill(); err != nil {
		t.Errorf("a second Kill: %v", err)
	}
}

func TestAMissingBinaryIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "manager")
	if _, err := StartManager(path, "", nil, nil, nil); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("error is %v, want one that names %s", err, path)
	}
}
