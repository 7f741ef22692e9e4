package scanjob

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// memory holds what this process knows before the cache does. It saves calls and writes; nothing depends on it, since all
// of it is lost with the process.
type memory struct {
	mu   sync.Mutex
	jobs map[types.UID]remembered
}

type remembered struct {
	// written is the resource version of the last write.
	written string
	// attempt is the number that taskARN is the task of, and acceptedAt when RunTask was answered.
	attempt    int32
	taskARN    string
	acceptedAt time.Time
	// calledFor is the number of the attempt that RunTask was called for last; attempts count from 1.
	calledFor int32
	// keptBack is the number of an attempt that this process recorded and has not called RunTask for.
	keptBack int32
}

func newMemory() *memory { return &memory{jobs: map[types.UID]remembered{}} }

// wrote notes the version of a job that this process has written.
func (m *memory) wrote(job *scanv1.ScanJob) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.jobs[job.UID]
	known.written = job.ResourceVersion
	m.jobs[job.UID] = known
}

// stale says whether a job that was read is older than what this process has written. The cache tells when it has caught up.
func (m *memory) stale(job *scanv1.ScanJob) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	written := m.jobs[job.UID].written
	if written == "" {
		return false
	}
	order, err := resourceversion.CompareResourceVersion(job.ResourceVersion, written)
	return err == nil && order < 0
}

// started notes RunTask's answer.
func (m *memory) started(job *scanv1.ScanJob, attempt *scanv1.Attempt) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.jobs[job.UID]
	known.attempt, known.taskARN, known.acceptedAt = attempt.Number, attempt.TaskARN, attempt.AcceptedAt.Time
	m.jobs[job.UID] = known
}

// task returns RunTask's answer for an attempt.
func (m *memory) task(job *scanv1.ScanJob, attempt *scanv1.Attempt) (arn string, acceptedAt time.Time, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.jobs[job.UID]
	return known.taskARN, known.acceptedAt, known.taskARN != "" && known.attempt == attempt.Number
}

// calls notes that this process calls RunTask for a job's attempt, whatever is answered.
func (m *memory) calls(job types.UID, attempt int32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.jobs[job]
	known.calledFor = attempt
	m.jobs[job] = known
}

// called says whether it did, or does.
func (m *memory) called(job types.UID, attempt int32) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.jobs[job].calledFor == attempt
}

// keepsBack notes that this process has recorded an attempt and does not call RunTask for it yet.
func (m *memory) keepsBack(job types.UID, attempt int32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.jobs[job]
	known.keptBack = attempt
	m.jobs[job] = known
}

// keptBack says whether an attempt was never called for by anybody.
func (m *memory) keptBack(job types.UID, attempt int32) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.jobs[job].keptBack == attempt
}

// forget drops a job that is finished or gone.
func (m *memory) forget(uid types.UID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.jobs, uid)
}
