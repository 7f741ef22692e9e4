package scan

import (
	"github.com/scanjob-dev/scanjob/scanner/delta"
	"github.com/scanjob-dev/scanjob/scanner/source"
)

// compare tells which findings the target branch holds already, in the files that the changes made others, and which ones it
// holds and the revision does not. Where nothing was found, only what is here already is looked at: what a change removed is not
// worth a further fetch.
func (s *scanner) compare() error {
	compared, err := s.repository.Compare(s.ctx)
	if err != nil || !compared.Known {
		return err
	}
	if len(s.result.Findings) > 0 {
		var ids []source.ID
		for _, change := range compared.Before {
			ids = append(ids, change.Blob)
		}
		if err := s.repository.Ensure(s.ctx, ids...); err != nil {
			return err
		}
	}
	files, bytes := s.result.Files, s.result.Bytes
	before, err := s.standing(compared.Before)
	if err != nil {
		return err
	}
	after, err := s.standing(compared.After)
	if err != nil {
		return err
	}
	// What was read only to compare with was not scanned.
	s.result.Files, s.result.Bytes = files, bytes
	now := make([]delta.Valued, len(s.result.Findings))
	for i, finding := range s.result.Findings {
		now[i] = delta.Valued{Finding: finding, Value: s.values[i]}
	}
	s.result.Findings, _ = delta.Compare(now, before)
	_, s.result.Resolved = delta.Compare(after, before)
	return nil
}

// standing returns what is found in the contents that are here.
func (s *scanner) standing(changes []source.Change) ([]delta.Valued, error) {
	var findings []delta.Valued
	for _, change := range changes {
		if !s.repository.Has(change.Blob) {
			continue
		}
		matches, err := s.at(change.Path, change.Blob, change.Kind)
		if err != nil {
			return nil, err
		}
		for _, match := range matches {
			if len(findings) >= MaxFindings {
				return findings, nil
			}
			finding, err := s.detector.Finding(s.ctx, match.Match, match.at(change.Path), "")
			if err != nil {
				return nil, err
			}
			findings = append(findings, delta.Valued{Finding: finding, Value: match.Key})
		}
	}
	return findings, nil
}
