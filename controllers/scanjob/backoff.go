package scanjob

import (
	"hash/fnv"
	"time"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// Backoff times the attempts after spoiled ones: the n-th wait of a class is its base times 2^(n-1), at most its maximum,
// and up to a fifth of it longer, so that jobs that failed together do not return together.
type Backoff struct {
	// Scan and ScanMax are for attempts that the scan spoiled; 10 s and 6 min as in batch/v1 Job.
	Scan    time.Duration
	ScanMax time.Duration
	// Infrastructure and InfrastructureMax are for attempts that Fargate spoiled.
	Infrastructure    time.Duration
	InfrastructureMax time.Duration
}

// DefaultBackoff is what production uses.
func DefaultBackoff() Backoff {
	return Backoff{
		Scan: 10 * time.Second, ScanMax: 6 * time.Minute,
		Infrastructure: 30 * time.Second, InfrastructureMax: 10 * time.Minute,
	}
}

// after returns how long to wait after the n-th spoiled attempt of a class. The same job waits the same time whoever asks.
func (b Backoff) after(class scanv1.FailureClass, n int32, uid string) time.Duration {
	base, most := b.Scan, b.ScanMax
	if class == scanv1.ClassInfrastructure {
		base, most = b.Infrastructure, b.InfrastructureMax
	}
	wait := base
	for i := int32(1); i < n && wait < most; i++ {
		wait *= 2
	}
	wait = min(wait, most)
	hash := fnv.New32a()
	// A hash takes everything.
	_, _ = hash.Write([]byte(uid))
	_, _ = hash.Write([]byte{byte(n)})
	return wait + wait/5*time.Duration(hash.Sum32()%1000)/1000
}
