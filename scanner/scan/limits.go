package scan

import (
	"fmt"
	"sync/atomic"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/detect"
	"github.com/scanjob-dev/scanjob/scanner/source"
)

// limits bound what is read of a repository.
type limits struct {
	// blob is the size in bytes up to which a file is scanned.
	blob int64
	// total bounds the bytes of all contents together. Zero stands for source.MostInflated of the packs.
	total int64
	// findings bounds those that are kept.
	findings int
	// held bounds the matches that are kept of contents that were read.
	held int
}

// budget is what is left of the total. It is shared by goroutines.
type budget struct {
	total int64
	left  atomic.Int64
}

func newBudget(repository *source.Repository, total int64) (*budget, error) {
	if total == 0 {
		packed, err := repository.Packed()
		if err != nil {
			return nil, err
		}
		total = source.MostInflated(packed)
	}
	b := &budget{total: total}
	b.left.Store(total)
	return b, nil
}

// take tells whether so many bytes may be read. Once it says no, it never says yes again.
func (b *budget) take(bytes int64) bool { return b.left.Add(-bytes) >= 0 }

// tellUnread adds the finding that stands for all contents that the budget was not enough for.
func (s *scanner) tellUnread() {
	if len(s.unread) == 0 {
		return
	}
	s.result.Findings = append(s.result.Findings, ofWhole(fmt.Sprintf("the contents come to more than %d MiB, so that %d of them were not read, %s first",
		s.budget.total>>20, len(s.unread), detect.DisplayPath(s.firstUnread))))
}

// ofWhole says what is missing of the scan as a whole. It has neither a path nor a fingerprint: who knows a place cannot have
// meant what is missing elsewhere.
func ofWhole(reason string) contract.Finding {
	match := detect.NotScanned(reason)
	return contract.Finding{Rule: match.Rule, Severity: match.Severity, Description: match.Description}
}
