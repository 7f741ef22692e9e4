package scan_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/failure"
	"github.com/scanjob-dev/scanjob/scanner/gittest"
	"github.com/scanjob-dev/scanjob/scanner/planted"
	"github.com/scanjob-dev/scanjob/scanner/scan"
)

// pairText is a file that leaks a key pair.
func pairText(t *testing.T) string {
	t.Helper()
	pair, err := planted.NewKeyPair(planted.Account())
	if err != nil {
		t.Fatal(err)
	}
	return "aws_access_key_id = " + pair.ID + "\naws_secret_access_key = " + pair.Secret + "\n"
}

func zipOf(t *testing.T, name, content string) string {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	entry, err := w.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := entry.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func write(t *testing.T, folder, path, content string) {
	t.Helper()
	full := filepath.Join(folder, path)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestDirectoryIsScannedTheSameHoweverManyWorkersThereAre(t *testing.T) {
	folder := t.TempDir()
	var want []string
	for i := range 40 {
		path := fmt.Sprintf("d%d/f%02d.env", i%7, i)
		write(t, folder, path, strings.Repeat("text\n", i*100)+pairText(t))
		want = append(want, fmt.Sprintf("aws-access-key-id %s:%d", path, i*100+1), fmt.Sprintf("aws-secret-access-key %s:%d", path, i*100+2))
	}
	write(t, folder, "lib/app.jar", zipOf(t, "META-INF/a.properties", "x\n"+pairText(t)))
	want = append(want, "aws-access-key-id lib/app.jar!META-INF/a.properties:2", "aws-secret-access-key lib/app.jar!META-INF/a.properties:3")
	write(t, folder, ".git/config", pairText(t))
	write(t, folder, "elsewhere.txt", "x")
	if err := os.Symlink("elsewhere.txt", filepath.Join(folder, "link")); err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	var before scan.Result
	for i, workers := range []int{1, 2, 7} {
		told := 0
		got, err := scan.Directory(t.Context(), folder, scan.DirectoryOptions{Workers: workers, Progress: func(files int, _ int64) { told = files }})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, places(got, nil)); diff != "" {
			t.Errorf("%d workers: -want +got\n%s", workers, diff)
		}
		if got.Files != 42 || got.Symlinks != 1 || told != 42 {
			t.Errorf("%d files, %d links, progress told of %d files", got.Files, got.Symlinks, told)
		}
		if diff := cmp.Diff(before, got); i > 0 && diff != "" {
			t.Errorf("%d workers find otherwise than before:\n%s", workers, diff)
		}
		before = got
	}
}

func TestDirectoryMayBeOneFile(t *testing.T) {
	folder := t.TempDir()
	write(t, folder, "a.env", pairText(t))
	got, err := scan.Directory(t.Context(), filepath.Join(folder, "a.env"), scan.DirectoryOptions{})
	if err != nil || len(got.Findings) != 2 || got.Findings[0].Path != "a.env" {
		t.Errorf("%+v, error %v", got, err)
	}
}

func TestDirectoryThatCannotBeScanned(t *testing.T) {
	_, err := scan.Directory(t.Context(), filepath.Join(t.TempDir(), "nowhere"), scan.DirectoryOptions{})
	var classified *failure.Error
	if !errors.As(err, &classified) || classified.ExitCode != contract.ExitRequest || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("error = %v, want one of class request that names the folder", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	late := errors.New("too late")
	cancel(late)
	folder := t.TempDir()
	write(t, folder, "a", "x")
	if _, err := scan.Directory(ctx, folder, scan.DirectoryOptions{}); !errors.Is(err, late) {
		t.Errorf("error = %v, want %v", err, late)
	}
}

func TestSecretInAnArchiveOfARepositoryIsFoundAndWhatIsLeftOutTold(t *testing.T) {
	r := gittest.New(t)
	r.Write("app.zip", zipOf(t, "conf/app.env", pairText(t)))
	r.Write("broken.zip", "PK\x03\x04 and nothing behind it")
	r.Write("program", "#!/usr/bin/env python3\n"+zipOf(t, "main.py", pairText(t)))
	head := r.Commit("add")
	got := places(run(t, request(t, r, contract.ModeTree, head, "")), nil)
	want := []string{"aws-access-key-id app.zip!conf/app.env:1", "aws-secret-access-key app.zip!conf/app.env:2", "not-scanned broken.zip:0",
		"aws-access-key-id program!main.py:1", "aws-secret-access-key program!main.py:2"}
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
