package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/detect"
)

// palette colors text, or leaves it as it is.
type palette bool

func (p palette) in(code, text string) string {
	if !p {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (p palette) bold(text string) string { return p.in("1", text) }
func (p palette) dim(text string) string  { return p.in("2", text) }

func (p palette) severity(severity contract.Severity, text string) string {
	switch severity {
	case contract.SeverityCritical:
		return p.in("1;31", text)
	case contract.SeverityHigh:
		return p.in("31", text)
	case contract.SeverityMedium:
		return p.in("33", text)
	}
	return p.in("36", text)
}

func (p palette) verification(v contract.Verification, text string) string {
	switch v.State {
	case contract.VerificationVerified:
		return p.in("1;31", text)
	case contract.VerificationInvalid:
		return p.in("32", text)
	}
	return p.in("33", text)
}

// writeText writes a report for people at a terminal: by file, worst first, what to do once for each rule, and a summary.
func writeText(w io.Writer, subject Subject, options Options) error {
	p := palette(options.Color)
	var out strings.Builder
	for _, group := range byFile(subject.All) {
		out.WriteString(p.bold(group.path) + "\n")
		for _, finding := range group.findings {
			textItem(&out, p, finding)
		}
		out.WriteByte('\n')
	}
	if rules := subject.rules(); len(rules) > 0 {
		out.WriteString(p.bold("What to do") + "\n")
		for _, rule := range rules {
			fmt.Fprintf(&out, "  %s %s\n      %s\n", p.severity(rule.Severity, rule.Description), p.dim("("+rule.ID+")"), rule.Advice)
			for _, link := range webLinks(rule) {
				fmt.Fprintf(&out, "      %s\n", p.dim(link))
			}
		}
		out.WriteByte('\n')
	}
	out.WriteString(p.summary(subject) + "\n")
	for _, line := range subject.asides() {
		out.WriteString(p.dim("  "+line) + "\n")
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func textItem(out *strings.Builder, p palette, finding contract.Finding) {
	line := "-"
	if finding.Line > 0 {
		line = fmt.Sprint(finding.Line)
	}
	fmt.Fprintf(out, "  %6s  %s  %s", line, p.severity(finding.Severity, fmt.Sprintf("%-8s", finding.Severity)), finding.Description)
	if finding.Preview != "" && finding.Excerpt == "" {
		out.WriteString("  " + p.dim(finding.Preview))
	}
	if account := accountOf(finding); account != "" {
		out.WriteString("  " + p.dim(account))
	}
	if finding.Commit != "" {
		out.WriteString("  " + p.dim("commit "+finding.Commit[:min(len(finding.Commit), 12)]))
	}
	out.WriteByte('\n')
	if finding.Excerpt != "" {
		before, after, _ := strings.Cut(finding.Excerpt, finding.Preview)
		fmt.Fprintf(out, "  %6s  %8s  %s%s%s\n", "", "", p.dim(before), p.severity(finding.Severity, finding.Preview), p.dim(after))
	}
	if told := verificationOf(finding); told != "" {
		fmt.Fprintf(out, "  %6s  %8s  %s\n", "", "", p.verification(*finding.Verification, told))
	}
}

func (p palette) summary(subject Subject) string {
	took := subject.Result.FinishedAt.Sub(subject.Result.StartedAt).Round(time.Millisecond)
	if len(subject.All) == 0 {
		return p.in("32", "Nothing found") + p.dim(fmt.Sprintf(" in %s", took))
	}
	files := len(byFile(subject.All))
	return p.bold(fmt.Sprintf("%d found in %s", len(subject.All), counted(files, "file"))) + ": " + subject.counts() + p.dim(fmt.Sprintf(" in %s", took))
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// group is the findings of one file.
type group struct {
	path     string
	findings []contract.Finding
}

// byFile groups findings by their files, in the order of the first finding of each.
func byFile(all []contract.Finding) []group {
	var groups []group
	at := map[string]int{}
	for _, finding := range all {
		i, ok := at[finding.Path]
		if !ok {
			i = len(groups)
			at[finding.Path] = i
			groups = append(groups, group{path: finding.Path})
		}
		groups[i].findings = append(groups[i].findings, finding)
	}
	return groups
}

// place is a path and a line, as compilers write it.
func place(finding contract.Finding) string {
	if finding.Line == 0 {
		return finding.Path
	}
	return fmt.Sprintf("%s:%d", finding.Path, finding.Line)
}

// ruleOf returns the rule of a finding, without texts where it is not known.
func (s Subject) ruleOf(finding contract.Finding) detect.Rule {
	for _, rule := range s.allRules() {
		if rule.ID == finding.Rule {
			return rule
		}
	}
	return detect.Rule{ID: finding.Rule, Description: finding.Description}
}
