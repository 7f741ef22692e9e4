package detect

import (
	"path"
	"slices"
	"strings"

	"github.com/scanjob-dev/scanjob/scanner/rules"
)

// Place is what the path of a file says about what can be in it. It does not change and may be shared.
type Place struct {
	engine *Engine
	// paths are the path of the file, and behind it that of the archive that the file is in. None say nothing.
	paths []string
	// anywhere has a rule that wants a path count.
	anywhere bool
	// allowed tells that an allowlist takes the file out.
	allowed bool
	// generated tells that a tool writes the file, and fills it with digests.
	generated bool
	// hits are those of the rules that the path alone is enough for.
	hits []hit
}

// Place returns what the path says. An empty one says nothing: rules and allowlists of paths do not count there.
func (e *Engine) Place(name string) *Place { return e.placeOf(name, &Place{}) }

// Anywhere returns the place of a content that may stand at any path: what is found in it at some path is found there too, and
// in general more.
func (e *Engine) Anywhere() *Place { return &Place{engine: e, anywhere: true} }

// Within returns the place of a file in the archive that stands here. A rule or allowlist that wants a path is content with that
// of the file and with that of the archive.
func (p *Place) Within(name string) *Place { return p.engine.placeOf(name, p) }

// Allowed tells whether an allowlist takes the file out, whatever is in it.
func (p *Place) Allowed() bool { return p.allowed }

// Class is equal for places in which the same content has the same matches.
func (p *Place) Class() string {
	if p.anywhere {
		return "anywhere"
	}
	class := make([]byte, 0, 1+len(p.engine.conditions))
	bit := func(set bool) {
		if set {
			class = append(class, 1)
		} else {
			class = append(class, 0)
		}
	}
	bit(p.generated)
	for _, condition := range p.engine.conditions {
		bit(p.meets(condition))
	}
	return string(class)
}

// conditionsOf returns the expressions for paths that decide what is found in a content.
func conditionsOf(set *rules.Set) []*rules.Regexp {
	var all []*rules.Regexp
	add := func(lists []rules.Allowlist) {
		for _, list := range lists {
			all = append(all, list.Paths...)
		}
	}
	add(set.Allowlists)
	for _, rule := range set.Rules {
		if rule.Path != nil {
			all = append(all, rule.Path)
		}
		add(rule.Allowlists)
	}
	return all
}

// meets tells whether the place is one that the expression means.
func (p *Place) meets(expression *rules.Regexp) bool {
	return p != nil && (p.anywhere || slices.ContainsFunc(p.paths, expression.Compiled().MatchString))
}

// known returns the paths of a place that may be nil.
func (p *Place) known() []string {
	if p == nil {
		return nil
	}
	return p.paths
}

func (e *Engine) placeOf(name string, outer *Place) *Place {
	p := &Place{engine: e, paths: outer.paths, anywhere: outer.anywhere, allowed: outer.allowed}
	if name == "" {
		return p
	}
	p.paths = append([]string{name}, outer.paths...)
	p.allowed = p.allowed || slices.ContainsFunc(e.set.Allowlists, func(list rules.Allowlist) bool {
		return len(list.Rules) == 0 && slices.ContainsFunc(p.paths, list.AllowsFile)
	})
	p.generated = isGenerated(name)
	for _, rule := range e.paths {
		if rule.SkipReport || !rule.Path.Compiled().MatchString(name) {
			continue
		}
		judged := e.judge(rule, rules.Candidate{Paths: p.paths, Secret: name, Match: name, Line: name})
		if !judged.allowed {
			p.hits = append(p.hits, hit{rule: rule.ID, severity: rule.Severity, description: rule.Description, byPlace: true, commits: judged.commits})
		}
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

func (e *Engine) judge(rule *rules.Rule, c rules.Candidate) (j judgement) {
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
	if rule.Path != nil && !w.place.meets(rule.Path) {
		return false
	}
	if len(rule.Allowlists)+len(e.set.Allowlists) == 0 {
		return true
	}
	judged := e.judge(rule, rules.Candidate{Secret: h.value, Match: h.value, Line: lineOf(w.data, h.start, h.end), Paths: w.place.known()})
	h.commits = judged.commits
	return !judged.allowed
}

// lineOf returns the line of data[start:end], as far as an allowlist sees it.
func lineOf(data []byte, start, end int) string {
	return string(data[start-len(lineBefore(data, start, lineReach)) : end+len(restOfLine(data, end, lineReach))])
}
