package triggers

import "time"

// Head is what the host says of a pull request now.
type Head struct {
	// Open is false for one that is closed or merged.
	Open bool
	// Commit is its head.
	Commit string
	// MergeBase is the newest commit that the source has in common with the target, empty where the host did not say.
	MergeBase string
	// LastActivity is when anything happened to the pull request last. No push is later.
	LastActivity time.Time
}

// Standing is how a change of a pull request stands to what the host says of that now.
type Standing string

// The standings.
const (
	// StandingCurrent: the change brought the head.
	StandingCurrent Standing = "current"
	// StandingAhead: the change is newer than what the host says, which is not up to date.
	StandingAhead Standing = "ahead"
	// StandingStale: the pull request has another head by now.
	StandingStale Standing = "stale"
	// StandingClosed: the pull request is closed or merged.
	StandingClosed Standing = "closed"
)

// StandingOf compares a change with what the host says.
func StandingOf(c Change, head Head) Standing {
	switch {
	case !head.Open:
		return StandingClosed
	case c.Commit == head.Commit:
		return StandingCurrent
	case second(c.Happened).After(second(head.LastActivity)):
		return StandingAhead
	}
	return StandingStale
}
