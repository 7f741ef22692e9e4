package scan

import (
	"context"
	"log/slog"

	"github.com/scanjob-dev/scanjob/scanner/detect"
	"github.com/scanjob-dev/scanjob/scanner/source"
)

// Limited are limits that a test can reach.
type Limited = limits

// Limits returns limits of so many bytes for a file and for all together, and of findings.
func Limits(blob, total int64, findings int) Limited {
	return limits{blob: blob, total: total, findings: findings, held: MaxHeldMatches}
}

// Holding returns the limits with another one for the matches that are kept.
func Holding(most Limited, held int) Limited {
	most.held = held
	return most
}

// RunLimited is Run with other limits.
func RunLimited(ctx context.Context, repository *source.Repository, detector *detect.Detector, log *slog.Logger, most Limited) (Result, error) {
	return run(ctx, repository, detector, log, most, nil)
}
