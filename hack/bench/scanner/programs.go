package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/hack/bench/corpus"
)

// programs are the scanners side by side, by the paths of their programs; empty for one that is not installed.
type programs struct {
	ours, gitleaks, gitleaksRE2, ripgrep, gitSecrets string
}

func findPrograms(bin string) (programs, error) {
	p := programs{
		ours: filepath.Join(bin, "scanner"), gitleaks: filepath.Join(bin, "gitleaks"), gitleaksRE2: filepath.Join(bin, "gitleaks-re2"),
	}
	for _, path := range []string{p.ours, p.gitleaks, p.gitleaksRE2} {
		if _, err := os.Stat(path); err != nil {
			return programs{}, fmt.Errorf("%w: start this with make bench-scanner, which builds it", err)
		}
	}
	// The others are compared with where they are there.
	p.ripgrep, _ = exec.LookPath("rg")
	p.gitSecrets, _ = exec.LookPath("git-secrets")
	return p, nil
}

// oursIn returns the command that scans a folder with our scanner; rules is "all" or "aws".
func (p programs) oursIn(folder, rules string) command {
	return command{
		name: p.ours, arguments: []string{"dir", folder, "--rules", rules, "--format", "json"}, folder: filepath.Dir(folder), codes: []int{contract.ExitFindings},
	}
}

// gitleaksIn returns the command that scans a folder with a gitleaks.
func gitleaksIn(program, folder string, more ...string) command {
	arguments := []string{"dir", folder, "--no-banner", "--no-color", "--log-level", "error", "--exit-code", "0", "--report-format", "json", "--report-path", "-"}
	return command{name: program, arguments: append(arguments, more...), folder: filepath.Dir(folder)}
}

// awsPatterns are what one would look for without a scanner, in the syntax of ripgrep. Each begins with letters, and none
// asks for word boundaries, which cost ripgrep a multiple: that is its best case, and so the harder one for us.
func awsPatterns() []string {
	return []string{
		`(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}`,
		`(?i)aws_?secret_?access_?key["']?\s*(?::|=>|=)\s*["']?[A-Za-z0-9/+=]{40}`,
		`(?i)aws_?account_?id["']?\s*(?::|=>|=)\s*["']?[0-9]{4}-?[0-9]{4}-?[0-9]{4}`,
		`(?:IQoJb3JpZ2luX2Vj|FwoGZXIvYXdz|FQoGZXIvYXdz)[A-Za-z0-9+/=]{100,}`,
		`ABSK[A-Za-z0-9+/]{109,269}`, `bedrock-api-key-[A-Za-z0-9+/]{20,}`, `da2-[a-z0-9]{26}`, `amzn\.mws\.[0-9a-f-]{36}`,
		`arn:aws[a-z-]*:[a-z0-9-]*:[a-z0-9-]*:[0-9]{12}:`,
	}
}

func (p programs) ripgrepIn(folder string) command {
	arguments := []string{"--no-config", "--no-ignore", "--hidden", "--no-heading", "--line-number"}
	for _, pattern := range awsPatterns() {
		arguments = append(arguments, "-e", pattern)
	}
	return command{name: p.ripgrep, arguments: append(arguments, folder), folder: filepath.Dir(folder), codes: []int{1}}
}

// gitSecretsIn scans a folder that is no repository with git-secrets; the repository of settings holds its patterns.
func (p programs) gitSecretsIn(ctx context.Context, folder, settings string) (command, error) {
	if _, err := os.Stat(settings); err != nil {
		for _, arguments := range [][]string{{"init", "--quiet", settings}, {"-C", settings, "secrets", "--register-aws"}} {
			if _, err := runOnce(ctx, command{name: "git", arguments: arguments}); err != nil {
				return command{}, err
			}
		}
	}
	return command{
		name: "git", arguments: []string{"-C", settings, "secrets", "--scan", "--no-index", "--recursive", folder}, codes: []int{1},
	}, nil
}

// ourFindings reads our JSON report.
func ourFindings(report []byte, tree string) ([]corpus.Finding, error) {
	var document struct {
		Findings []struct {
			Rule, Path    string
			Line, EndLine int
		}
	}
	if err := json.Unmarshal(report, &document); err != nil {
		return nil, fmt.Errorf("our report: %w", err)
	}
	var all []corpus.Finding
	for _, f := range document.Findings {
		all = append(all, corpus.Finding{Path: relative(tree, f.Path), From: f.Line, To: f.EndLine, Rule: f.Rule})
	}
	return all, nil
}

// gitleaksFindings reads gitleaks' JSON report.
func gitleaksFindings(report []byte, tree string) ([]corpus.Finding, error) {
	var document []struct {
		RuleID, File, Secret string
		StartLine, EndLine   int
	}
	if err := json.Unmarshal(report, &document); err != nil {
		return nil, fmt.Errorf("report of gitleaks: %w", err)
	}
	var all []corpus.Finding
	for _, f := range document {
		all = append(all, corpus.Finding{Path: relative(tree, f.File), From: f.StartLine, To: f.EndLine, Rule: f.RuleID, Secret: f.Secret})
	}
	return all, nil
}

func relative(tree, path string) string {
	return strings.TrimPrefix(strings.TrimPrefix(path, tree), "/")
}
