package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// importer feeds commits to git fast-import.
type importer struct {
	to      *bufio.Writer
	commits int
}

// importInto makes a bare repository in the folder out of what feed writes. It is made once; a half-made one is made anew.
func importInto(ctx context.Context, folder string, repack bool, feed func(*importer) error) error {
	done := filepath.Join(folder, "made")
	if _, err := os.Stat(done); err == nil {
		return nil
	}
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	if _, err := runOnce(ctx, git("init", "--quiet", "--bare", "--initial-branch=main", folder)); err != nil {
		return err
	}
	reader, writer := io.Pipe()
	go func() {
		buffered := bufio.NewWriterSize(writer, 1<<20)
		writer.CloseWithError(errors.Join(feed(&importer{to: buffered}), buffered.Flush()))
	}()
	process := exec.CommandContext(ctx, "git", "-c", "pack.compression=1", "-C", folder, "fast-import", "--quiet", "--depth=10")
	process.Stdin = reader
	if output, err := process.CombinedOutput(); err != nil {
		return fmt.Errorf("git fast-import: %w\n%s", err, tail(string(output)))
	}
	if repack {
		if _, err := runOnce(ctx, git("-C", folder, "repack", "-a", "-d", "-f", "-q")); err != nil {
			return err
		}
	}
	return os.WriteFile(done, nil, 0o600)
}

func git(arguments ...string) command { return command{name: "git", arguments: arguments} }

// commit writes a commit on the branch that changes the files; from is empty for the first one and for those that follow
// the branch.
func (i *importer) commit(branch, from string, files map[string]string) {
	i.commits++
	fmt.Fprintf(i.to, "commit refs/heads/%s\nmark :%d\ncommitter Bench <bench@example.com> %d +0000\ndata 6\nchange\n", branch, i.commits, 1_700_000_000+60*i.commits)
	if from != "" {
		fmt.Fprintf(i.to, "from %s\n", from)
	}
	for path, content := range files {
		fmt.Fprintf(i.to, "M 100644 inline %s\ndata %d\n%s\n", path, len(content), content)
	}
}

// historyRepository returns a bare repository of 20,000 commits that edit source files of the kubernetes tree.
func (b *bench) historyRepository(ctx context.Context) (string, error) {
	const commits, files = 20_000, 300
	folder := filepath.Join(b.work, "history-1.git")
	source, err := kubernetesTree(ctx, b.root)
	if err != nil {
		return "", err
	}
	return folder, importInto(ctx, folder, true, func(i *importer) error {
		random := rand.New(rand.NewPCG(20, 26))
		contents, paths, err := sourceFiles(filepath.Join(source, "pkg"), files)
		if err != nil {
			return err
		}
		first := map[string]string{}
		for _, path := range paths {
			first[path] = strings.Join(contents[path], "\n")
		}
		i.commit("main", "", first)
		for i.commits < commits {
			changed := map[string]string{}
			for range 1 + random.IntN(3) {
				path := paths[random.IntN(len(paths))]
				lines := contents[path]
				from := contents[paths[random.IntN(len(paths))]]
				for range 1 + random.IntN(6) {
					lines[random.IntN(len(lines))] = from[random.IntN(len(from))]
				}
				changed[path] = strings.Join(lines, "\n")
			}
			i.commit("main", "", changed)
		}
		return nil
	})
}

// sourceFiles returns the lines of the first n Go files of 2 to 30 KB below the folder, by path.
func sourceFiles(folder string, n int) (contents map[string][]string, paths []string, err error) {
	contents = map[string][]string{}
	err = filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil || len(data) < 2000 || len(data) > 30_000 {
			return err
		}
		name, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		contents[name], paths = strings.Split(string(data), "\n"), append(paths, name)
		if len(paths) == n {
			return fs.SkipAll
		}
		return nil
	})
	if err == nil && len(paths) < n {
		err = fmt.Errorf("%s has only %d source files of the size that is wanted, %d are", folder, len(paths), n)
	}
	return contents, paths, err
}

// pullRepository returns a bare repository of some 500 MB with a branch main and a branch feature of 3 more commits.
func (b *bench) pullRepository(ctx context.Context) (string, error) {
	const size, fileSize, earlier = 500 << 20, 256 << 10, 100
	folder := filepath.Join(b.work, "pull-1.git")
	source, err := kubernetesTree(ctx, b.root)
	if err != nil {
		return "", err
	}
	return folder, importInto(ctx, folder, false, func(i *importer) error {
		random := rand.New(rand.NewPCG(5, 26))
		contents, paths, err := sourceFiles(filepath.Join(source, "pkg"), earlier)
		if err != nil {
			return err
		}
		first := map[string]string{}
		for _, path := range paths {
			first[path] = strings.Join(contents[path], "\n")
		}
		for n := range size / fileSize {
			// As text, a quarter of it is air again, which the pack leaves out.
			raw := make([]byte, fileSize)
			for k := range raw {
				raw[k] = byte(random.Uint32())
			}
			first[fmt.Sprintf("assets/%02d/%04d.txt", n%40, n)] = base64.StdEncoding.EncodeToString(raw)
		}
		i.commit("main", "", first)
		edit := func(branch, from string) {
			path := paths[random.IntN(len(paths))]
			lines := contents[path]
			lines[random.IntN(len(lines))] = "// changed"
			i.commit(branch, from, map[string]string{path: strings.Join(lines, "\n")})
		}
		for range earlier {
			edit("main", "")
		}
		edit("feature", fmt.Sprintf(":%d", i.commits))
		edit("feature", "")
		edit("feature", "")
		return nil
	})
}
