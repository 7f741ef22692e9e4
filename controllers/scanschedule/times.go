package scanschedule

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// timeOf returns the time that a field of the API holds, nil where it is absent.
func timeOf(field *metav1.Time) *time.Time {
	if field == nil {
		return nil
	}
	return &field.Time
}

// apiTime returns a time as the API keeps it, in whole seconds; nil for the zero time.
func apiTime(t time.Time) *metav1.Time {
	if t.IsZero() {
		return nil
	}
	kept := metav1.NewTime(t.UTC().Truncate(time.Second))
	return &kept
}

// timeOrZero returns the time that a field of the API holds, the zero time where it is absent.
func timeOrZero(field *metav1.Time) time.Time {
	if field == nil {
		return time.Time{}
	}
	return field.Time
}

// stamp writes a time for people.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
