package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// kubernetesTree returns the folder of the kubernetes source in the module cache, in the version of hack/devplane.
func kubernetesTree(ctx context.Context, root string) (string, error) {
	folder := filepath.Join(root, "hack", "devplane")
	if _, err := runOnce(ctx, command{name: "go", arguments: []string{"mod", "download", "k8s.io/kubernetes"}, folder: folder}); err != nil {
		return "", err
	}
	listed, err := runOnce(ctx, command{name: "go", arguments: []string{"list", "-m", "-f", "{{.Dir}}", "k8s.io/kubernetes"}, folder: folder})
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(listed.Output)), nil
}

// tree measures the full rules and the AWS rules on the kubernetes tree.
func (b *bench) tree(ctx context.Context) error {
	folder, err := kubernetesTree(ctx, b.root)
	if err != nil {
		return err
	}
	ours, err := b.measure(ctx, "ours, all rules, kubernetes tree", b.programs.oursIn(folder, "all"))
	if err != nil {
		return err
	}
	for _, peer := range []struct {
		name, program string
		must, aim     float64
	}{{"gitleaks (regexp)", b.programs.gitleaks, 20, 60}, {"gitleaks (RE2)", b.programs.gitleaksRE2, 4, 10}} {
		theirs, err := b.measure(ctx, peer.name+", kubernetes tree", gitleaksIn(peer.program, folder))
		if err != nil {
			return err
		}
		b.add(figure{
			Name: "full rules, kubernetes tree, wall: " + peer.name + " ÷ ours", Ours: theirs.Wall / ours.Wall, CPU: theirs.CPU / ours.CPU,
			Must: peer.must, Aim: peer.aim, Least: true, Detail: fmt.Sprintf("%.2f s ÷ %.2f s", theirs.Wall, ours.Wall),
		})
	}
	if err := b.awsOnly(ctx, folder); err != nil {
		return err
	}
	b.add(figure{Name: "peak memory, full rules, kubernetes tree", Ours: ours.Peak, Must: 120, Aim: 60, Unit: " MB"})
	return nil
}

func (b *bench) awsOnly(ctx context.Context, folder string) error {
	ours, err := b.measure(ctx, "ours, AWS rules, kubernetes tree", b.programs.oursIn(folder, "aws"))
	if err != nil {
		return err
	}
	row := figure{Name: "AWS rules only, wall: ours ÷ ripgrep with the same patterns", Must: 3, Aim: 1.5}
	if b.programs.ripgrep == "" {
		row.Missing = "ripgrep is not installed"
	} else {
		theirs, err := b.measure(ctx, "ripgrep, AWS patterns, kubernetes tree", b.programs.ripgrepIn(folder))
		if err != nil {
			return err
		}
		row.Ours, row.CPU, row.Detail = ours.Wall/theirs.Wall, ours.CPU/theirs.CPU, fmt.Sprintf("%.2f s ÷ %.2f s", ours.Wall, theirs.Wall)
	}
	b.add(row)
	if b.programs.gitSecrets == "" {
		return nil
	}
	search, err := b.programs.gitSecretsIn(ctx, folder, filepath.Join(b.work, "git-secrets"))
	if err != nil {
		return err
	}
	_, err = b.measure(ctx, "git-secrets, kubernetes tree", search)
	return err
}

// start measures an empty folder.
func (b *bench) start(ctx context.Context) error {
	folder := filepath.Join(b.work, "empty")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	runs := b.runs
	b.runs = max(runs, 10)
	defer func() { b.runs = runs }()
	ours, err := b.measure(ctx, "ours, empty folder", b.programs.oursIn(folder, "all"))
	if err != nil {
		return err
	}
	for name, program := range map[string]string{"gitleaks (regexp)": b.programs.gitleaks, "gitleaks (RE2)": b.programs.gitleaksRE2} {
		if _, err := b.measure(ctx, name+", empty folder", gitleaksIn(program, folder)); err != nil {
			return err
		}
	}
	b.add(figure{Name: "process start on an empty folder", Ours: ours.Wall * 1000, CPU: ours.CPU * 1000, Must: 50, Aim: 15, Unit: " ms"})
	return nil
}
