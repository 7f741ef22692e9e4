package delta

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/scanjob-dev/scanjob/api/contract"
)

const (
	// SARIFFingerprint is the name of our fingerprint in the partialFingerprints of SARIF.
	SARIFFingerprint = "scanjob/v1"
	// maxBaseline bounds a baseline in bytes; a report of as many findings as a scan lists has some 20 MB.
	maxBaseline = 256 << 20
)

// Baseline is what an earlier report knew. Its zero value knows nothing.
type Baseline struct {
	// Where names the report.
	Where string

	fingerprints map[string]struct{}
}

// Holds tells whether the report had the same value, wherever it stands now. A new value in the place of an old one is not the
// same.
func (b Baseline) Holds(finding contract.Finding) bool {
	_, ok := b.fingerprints[finding.Fingerprint]
	return ok && finding.Fingerprint != ""
}

// Len returns how many fingerprints there are.
func (b Baseline) Len() int { return len(b.fingerprints) }

// ReadBaseline reads a report of the scanner, as JSON or SARIF. Everything in it is known, also what was suppressed in it. Its
// error says what the file is instead, and repeats nothing of it.
func ReadBaseline(content io.Reader, name string) (Baseline, error) {
	data, err := io.ReadAll(io.LimitReader(content, maxBaseline+1))
	if err != nil {
		return Baseline{}, err
	}
	if len(data) > maxBaseline {
		return Baseline{}, fmt.Errorf("the baseline %s has more than %d MiB", name, maxBaseline>>20)
	}
	const remedy = "make one with scanner dir --format json --output FILE"
	var list []json.RawMessage
	if json.Unmarshal(data, &list) == nil {
		return Baseline{}, fmt.Errorf("the baseline %s is a list, such as a report of gitleaks: that tells lines, which hide a new secret on an old line; %s", name, remedy)
	}
	var document struct {
		contract.Result
		Version string `json:"version"`
		Runs    []struct {
			Results []struct {
				PartialFingerprints map[string]string `json:"partialFingerprints"`
			} `json:"results"`
		} `json:"runs"`
	}
	if json.Unmarshal(data, &document) != nil {
		return Baseline{}, fmt.Errorf("the baseline %s is no JSON: %s", name, remedy)
	}
	baseline := Baseline{Where: name, fingerprints: map[string]struct{}{}}
	switch {
	case document.Schema == contract.Schema:
		for _, finding := range append(document.Findings, document.SuppressedFindings...) {
			baseline.fingerprints[finding.Fingerprint] = struct{}{}
		}
	case document.Version == "2.1.0":
		for _, run := range document.Runs {
			for _, result := range run.Results {
				fingerprint, ok := result.PartialFingerprints[SARIFFingerprint]
				if !ok {
					return Baseline{}, fmt.Errorf("the baseline %s has results without the fingerprint %s, so it is of another tool; %s", name, SARIFFingerprint, remedy)
				}
				baseline.fingerprints[fingerprint] = struct{}{}
			}
		}
	default:
		return Baseline{}, fmt.Errorf("the baseline %s is neither a report of the scanner as JSON nor SARIF 2.1.0; %s", name, remedy)
	}
	return baseline, nil
}
