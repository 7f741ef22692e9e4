package scanschedule

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"k8s.io/utils/ptr"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/jobs"
)

// scannerID stands for what decides what a scan can find: the task definition, with the image, and what the template
// changes of the container. It is empty where the task definition is not known.
func scannerID(taskDefinitionARN string, container *v1alpha1.ContainerOverrides) (string, error) {
	if taskDefinitionARN == "" {
		return "", nil
	}
	text, err := json.Marshal([]any{taskDefinitionARN, container})
	if err != nil {
		return "", fmt.Errorf("identify the scanner: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8]), nil
}

// scannerOf is scannerID for the attempt that completed a job.
func scannerOf(job *v1alpha1.ScanJob) (string, error) {
	if len(job.Status.Attempts) == 0 {
		return "", nil
	}
	return scannerID(job.Status.Attempts[len(job.Status.Attempts)-1].TaskDefinitionARN, job.Spec.Container)
}

// record takes what finished jobs say into the status: how far the history of each target was scanned, and when a scan was
// last complete.
func record(status *v1alpha1.ScanScheduleStatus, children []child) error {
	complete := []child{}
	for _, c := range children {
		if jobs.Complete(c.job) {
			complete = append(complete, c)
		}
	}
	// An older scan that ends later must not set anything back.
	slices.SortFunc(complete, func(a, b child) int { return a.run.Compare(b.run) })
	for _, c := range complete {
		if ended := timeOf(c.job.Status.Timeline.FinishedTime); ended != nil && !after(timeOf(status.LastSuccessfulTime), *ended) {
			status.LastSuccessfulTime = apiTime(*ended)
		}
		at := findTarget(status.Targets, c.repository, c.branch)
		if at < 0 || c.branch == "" || c.job.Spec.Mode != v1alpha1.ScanModeHistory {
			continue
		}
		history, err := advance(status.Targets[at].History, c)
		if err != nil {
			return err
		}
		status.Targets[at].History = history
	}
	return nil
}

func after(known *time.Time, t time.Time) bool { return known != nil && known.After(t) }

// advance returns how far a history was scanned once a job is complete.
func advance(history *v1alpha1.ScannedHistory, c child) (*v1alpha1.ScannedHistory, error) {
	if history != nil && !c.run.After(history.ScheduleTime.Time) {
		return history, nil
	}
	scanner, err := scannerOf(c.job)
	if err != nil {
		return nil, err
	}
	if c.job.Spec.Source.BaseRevision != "" {
		if history == nil {
			// It went on from something that is no longer on record.
			return nil, nil
		}
		// What came before was scanned with the scanner on record. A task definition that changed between the creation of the
		// job and its start has not seen it, and shows in the next run as another scanner.
		scanner = history.Scanner
	}
	return &v1alpha1.ScannedHistory{
		Revision:     c.job.Spec.Source.Revision,
		ScheduleTime: *apiTime(c.run),
		Scanner:      scanner,
	}, nil
}

// baseOf returns where a scan of a target's history begins: the end of the last complete one, or empty for the whole
// history. unchanged says that there is nothing to scan at all. scanner is the one of now, empty where it is not known.
func baseOf(spec *v1alpha1.ScanScheduleSpec, history *v1alpha1.ScannedHistory, head, scanner string) (base string, unchanged bool) {
	if spec.Template.Spec.Mode != v1alpha1.ScanModeHistory || !ptr.Deref(spec.Incremental, true) || history == nil {
		return "", false
	}
	if scanner != "" && scanner != history.Scanner {
		return "", false
	}
	return history.Revision, history.Revision == head
}
