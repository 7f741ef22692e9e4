package detect

import (
	"path"
	"slices"
	"strings"

	"github.com/scanjob-dev/scanjob/scanner/rules"
)

// place is what the path of a file says about what can be in it.
type place struct {
	path string
	// allowed tells that an allowlist takes the file out.
	allowed bool
	// generated tells that a tool writes the file, and fills it with digests.
	generated bool
	// rules are those that the path alone is enough for.
	rules []rules.Rule
}

// placeOf returns what the path says. An empty one says nothing.
func (e *Engine) placeOf(name string) *place {
	p := &place{path: name}
	if name == "" {
		return p
	}
	p.allowed = slices.ContainsFunc(e.set.Allowlists, func(list rules.Allowlist) bool { return len(list.Rules) == 0 && list.AllowsFile(name) })
	p.generated = isGenerated(name)
	for _, rule := range e.paths {
		if rule.SkipReport || !rule.Path.Compiled().MatchString(name) {
			continue
		}
		if e.judge(rule, rules.Candidate{Path: name, Secret: name, Match: name, Line: name}).allowed {
			continue
		}
		p.rules = append(p.rules, rule)
	}
	return p
}

// isGenerated tells whether the file is one that tools fill with digests.
func isGenerated(name string) bool {
	base := strings.ToLower(path.Base(name))
	switch base {
	case "go.sum", "go.work.sum", "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "deno.lock", "pipfile.lock",
		"poetry.lock", "uv.lock", "cargo.lock", "gemfile.lock", "composer.lock", "mix.lock", "pubspec.lock", "podfile.lock", "flake.lock",
		"gradle.lockfile", "packages.lock.json", ".terraform.lock.hcl", "paket.lock", "verification-metadata.xml", "manifest.mf":
		return true
	}
	for _, suffix := range [...]string{
		".sum", ".lock", ".map", ".min.js", ".min.css", ".svg", ".pem", ".crt", ".cer", ".pub", ".asc", ".sig", ".sha256", ".sha512", ".sf", ".rsa",
	} {
		if strings.HasSuffix(base, suffix) {
			return true
		}
	}
	return false
}

// judgement is what the allowlists say of a match.
type judgement struct {
	allowed bool
	// commits are those in which it is no finding.
	commits []string
}

func (e *Engine) judge(rule rules.Rule, c rules.Candidate) (j judgement) {
	take := func(list *rules.Allowlist) bool {
		switch list.Judge(c) {
		case rules.Allowed:
			return true
		case rules.ByCommit:
			j.commits = append(j.commits, list.Commits...)
		case rules.Denied:
		}
		return false
	}
	for i := range rule.Allowlists {
		if take(&rule.Allowlists[i]) {
			return judgement{allowed: true}
		}
	}
	for i := range e.set.Allowlists {
		if list := &e.set.Allowlists[i]; list.CountsFor(rule.ID) && take(list) {
			return judgement{allowed: true}
		}
	}
	return j
}

// judgeCode tells whether the hit of a rule that is code counts, and notes in which commits it does not.
func (e *Engine) judgeCode(w *window, h *hit) bool {
	rule, ok := e.code[h.rule]
	if !ok {
		return false
	}
	name := ""
	if w.place != nil {
		name = w.place.path
	}
	if rule.Path != nil && !rule.Path.Compiled().MatchString(name) {
		return false
	}
	if len(rule.Allowlists)+len(e.set.Allowlists) == 0 {
		return true
	}
	judged := e.judge(*rule, rules.Candidate{Secret: h.value, Match: h.value, Line: lineOf(w.data, h.start, h.end), Path: name})
	h.commits = judged.commits
	return !judged.allowed
}

// lineOf returns the line of data[start:end], as far as an allowlist sees it.
func lineOf(data []byte, start, end int) string {
	return string(data[start-len(lineBefore(data, start, lineReach)) : end+len(restOfLine(data, end, lineReach))])
}
