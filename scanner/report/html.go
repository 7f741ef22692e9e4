package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"time"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/detect"
)

//go:embed report.html
var htmlSource string

// page is what the template shows.
type page struct {
	Result     contract.Result
	Title      string
	Counts     []severityCount
	Total      int
	Files      []fileView
	Rules      []detect.Rule
	Asides     []string
	Suppressed []contract.Finding
	Link       string
	Took       time.Duration
	Version    string
	FinishedAt string
}

type severityCount struct {
	Severity contract.Severity
	Count    int
}

type fileView struct {
	Path     string
	Findings []contract.Finding
}

// writeHTML writes one page that needs nothing from elsewhere, and lets nothing in: it has no script, and its policy forbids
// whatever a browser might load.
func writeHTML(w io.Writer, subject Subject, options Options) error {
	parsed, err := template.New("report").Funcs(template.FuncMap{"links": webLinks}).Parse(htmlSource)
	if err != nil {
		return fmt.Errorf("parse the page: %w", err)
	}
	view := page{
		Result: subject.Result, Title: detect.DisplayPath(subject.Result.Source.Repository), Total: len(subject.All), Rules: subject.rules(), Asides: subject.asides(), Suppressed: subject.Suppressed,
		Link: subject.Link(),
		Took: subject.Result.FinishedAt.Sub(subject.Result.StartedAt).Round(time.Millisecond), Version: options.Version,
		FinishedAt: subject.Result.FinishedAt.UTC().Format(time.RFC1123),
	}
	for _, severity := range contract.Severities() {
		view.Counts = append(view.Counts, severityCount{severity, subject.Result.BySeverity[severity]})
	}
	for _, g := range byFile(subject.All) {
		view.Files = append(view.Files, fileView{g.path, g.findings})
	}
	return parsed.Execute(w, view)
}
