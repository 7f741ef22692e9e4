package scan

import (
	"context"
	"log/slog"

	"github.com/scanjob-dev/scanjob/scanner/detect"
	"github.com/scanjob-dev/scanjob/scanner/source"
)

// RunWithin is Run with limits that a test can reach.
func RunWithin(ctx context.Context, repository *source.Repository, detector *detect.Detector, log *slog.Logger, blob, total int64) (Result, error) {
	return run(ctx, repository, detector, log, limits{blob, total})
}
