package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/scanjob-dev/scanjob/api/contract"
)

// history measures the whole history of a repository against the time to read its objects once.
func (b *bench) history(ctx context.Context) error {
	repository, err := b.historyRepository(ctx)
	if err != nil {
		return err
	}
	ours, err := b.measure(ctx, "ours, history of 20,000 commits", command{
		name: b.programs.ours, arguments: []string{"history", repository, "--format", "json"}, folder: b.work, codes: []int{contract.ExitFindings},
	})
	if err != nil {
		return err
	}
	// The contents go nowhere, as the scanner's do: sh, because a pipe into this program would cost more than inflating.
	inflate, err := b.measure(ctx, "git cat-file, every object once", command{
		name: "sh", arguments: []string{"-c", `exec git -C "$0" cat-file --batch-all-objects --unordered --batch >/dev/null`, repository},
	})
	if err != nil {
		return err
	}
	b.add(figure{
		Name: "history of a 20,000-commit repository, wall: ours ÷ git cat-file of all objects", Ours: ours.Wall / inflate.Wall, CPU: ours.CPU / inflate.CPU,
		Must: 2, Aim: 1.2, Detail: fmt.Sprintf("%.2f s ÷ %.2f s; %.0f MB at most", ours.Wall, inflate.Wall, ours.Peak),
	})
	theirs, err := b.measureOnce(ctx, "gitleaks (RE2), history of 20,000 commits", command{
		name: b.programs.gitleaksRE2, arguments: []string{"git", repository, "--no-banner", "--log-level", "error", "--exit-code", "0", "--report-format", "json", "--report-path", "-"},
	})
	if err == nil {
		b.results[len(b.results)-1].Detail += fmt.Sprintf("; gitleaks (RE2) %.1f s", theirs.Wall)
	}
	return err
}

// pull measures a pull request of 3 commits in a repository of 500 MB over HTTP, as the container does it.
func (b *bench) pull(ctx context.Context) error {
	repository, err := b.pullRepository(ctx)
	if err != nil {
		return err
	}
	head, err := revision(ctx, repository, "feature")
	if err != nil {
		return err
	}
	base, err := revision(ctx, repository, "main")
	if err != nil {
		return err
	}
	least, err := changedBytes(ctx, repository, base, head)
	if err != nil {
		return err
	}
	for _, filter := range []bool{false, true} {
		s, err := serve(ctx, repository, filter)
		if err != nil {
			return err
		}
		name := fmt.Sprintf("ours, pull request, filter %t", filter)
		cost, err := b.measure(ctx, name, b.container(s.url, base, head))
		if err != nil {
			return err
		}
		s.sent.Store(0)
		if _, err := runOnce(ctx, b.container(s.url, base, head)); err != nil {
			return err
		}
		sent := float64(s.sent.Load())
		if err := s.http.Close(); err != nil {
			return err
		}
		detail := fmt.Sprintf("%.0f kB ÷ %.0f kB; %.2f s", sent/1000, least/1000, cost.Wall)
		b.add(figure{
			Name: fmt.Sprintf("pull request of 3 commits in 500 MB over HTTP, server %s filter: bytes fetched ÷ bytes changed", map[bool]string{true: "with", false: "without"}[filter]),
			Ours: sent / least, Must: 10, Aim: 3, Detail: detail,
		})
		if filter {
			b.add(figure{Name: "same, server with filter: wall of fetch and scan, process start included", Ours: cost.Wall, CPU: cost.CPU, Must: 0.5, Aim: 0.2, Unit: " s"})
		}
	}
	return nil
}

// container returns the scanner as a ScanJob's container is started.
func (b *bench) container(url, base, head string) command {
	work := filepath.Join(b.work, "work")
	return command{
		name: b.programs.ours, folder: b.work, codes: []int{contract.ExitFindings},
		variables: []string{
			contract.EnvNamespace + "=bench", contract.EnvName + "=bench", contract.EnvUID + "=bench-1", contract.EnvAttempt + "=1",
			contract.EnvSourceURL + "=" + url, contract.EnvRepository + "=bench", contract.EnvRevision + "=" + head,
			contract.EnvBaseRevision + "=" + base, contract.EnvMode + "=" + contract.ModeChanges, "SCANJOB_WORKDIR=" + work,
		},
	}
}

func revision(ctx context.Context, repository, name string) (string, error) {
	parsed, err := runOnce(ctx, git("-C", repository, "rev-parse", name))
	return strings.TrimSpace(string(parsed.Output)), err
}

// changedBytes returns the size of a pack of exactly the blobs and trees that head has and base has not, each whole.
func changedBytes(ctx context.Context, repository, base, head string) (float64, error) {
	objects, err := runOnce(ctx, git("-C", repository, "rev-list", "--objects", "--no-object-names", head, "^"+base))
	if err != nil {
		return 0, err
	}
	pack := exec.CommandContext(ctx, "git", "-C", repository, "pack-objects", "--quiet", "--stdout", "--window=0", "--no-reuse-delta")
	pack.Stdin = bytes.NewReader(objects.Output)
	packed, err := pack.Output()
	return float64(len(packed)), err
}
