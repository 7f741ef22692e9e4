package report

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/scanjob-dev/scanjob/api/contract"
)

// The formats of a report.
const (
	FormatText  = "text"
	FormatJSON  = "json"
	FormatSARIF = "sarif"
	FormatJUnit = "junit"
	FormatCSV   = "csv"
	FormatHTML  = "html"
)

// Formats lists all.
func Formats() []string {
	return []string{FormatText, FormatJSON, FormatSARIF, FormatJUnit, FormatCSV, FormatHTML}
}

// Options say how a report looks.
type Options struct {
	// Version is that of the scanner.
	Version string
	// Color has the text colored for a terminal.
	Color bool
}

// Write writes all findings in a format. What it is given is redacted, and so is what it writes.
func Write(w io.Writer, format string, subject Subject, options Options) error {
	switch format {
	case FormatText:
		return writeText(w, subject, options)
	case FormatJSON:
		return writeJSON(w, subject)
	case FormatSARIF:
		document, err := subject.SARIF(options.Version)
		if err != nil {
			return err
		}
		_, err = w.Write(document)
		return err
	case FormatJUnit:
		return writeJUnit(w, subject)
	case FormatCSV:
		return writeCSV(w, subject)
	case FormatHTML:
		return writeHTML(w, subject, options)
	}
	return fmt.Errorf("there is no format %q; the formats are %s", format, strings.Join(Formats(), ", "))
}

// writeJSON writes the document of the contract with all findings.
func writeJSON(w io.Writer, subject Subject) error {
	document := subject.Result
	document.Findings, document.SuppressedFindings, document.ResolvedFindings = subject.All, subject.Suppressed, subject.Resolved
	if document.Findings == nil {
		// An empty list is easier on whoever reads it than null.
		document.Findings = []contract.Finding{}
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(document)
}

func writeCSV(w io.Writer, subject Subject) error {
	table := csv.NewWriter(w)
	rows := [][]string{{"severity", "rule", "description", "path", "line", "commit", "preview", "account", "fingerprint", "state", "suppressed", "reason", "accountOwner", "accountName", "verification", "verificationReason"}}
	for _, finding := range slices.Concat(subject.All, subject.Suppressed, subject.Resolved) {
		line := ""
		if finding.Line > 0 {
			line = strconv.Itoa(finding.Line)
		}
		var verification contract.Verification
		if finding.Verification != nil {
			verification = *finding.Verification
		}
		rows = append(rows, []string{
			string(finding.Severity), finding.Rule, finding.Description, finding.Path, line, finding.Commit, finding.Preview, finding.Account, finding.Fingerprint, string(finding.State),
			suppressedBy(finding), reasonOf(finding), string(finding.AccountOwner), finding.AccountName, string(verification.State), verification.Reason,
		})
	}
	for _, row := range rows {
		for i := range row {
			row[i] = harmless(row[i])
		}
		if err := table.Write(row); err != nil {
			return err
		}
	}
	table.Flush()
	return table.Error()
}

// harmless keeps a spreadsheet from taking a cell for a formula (https://owasp.org/www-community/attacks/CSV_Injection).
func harmless(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
