package inbox

import (
	"errors"
	"math"
	"time"

	"github.com/scanjob-dev/scanjob/internal/events"
)

// outcome is what came of one message, as the metrics name it.
type outcome string

const (
	// outcomeHandled: done, and deleted.
	outcomeHandled outcome = "handled"
	// outcomeUndecodable: left for the dead-letter queue.
	outcomeUndecodable outcome = "undecodable"
	// outcomeFailed and outcomePanicked: it comes back later.
	outcomeFailed   outcome = "failed"
	outcomePanicked outcome = "panicked"
	// outcomeAbandoned: its handler did not return in time. It comes back later.
	outcomeAbandoned outcome = "abandoned"
	// outcomeReturned: given back at once because this process stops.
	outcomeReturned outcome = "returned"
)

// verdict is what becomes of one message.
type verdict struct {
	outcome outcome
	// delete: the message is deleted. Otherwise, hide says to hide it for the time visibility from now.
	delete     bool
	hide       bool
	visibility time.Duration
}

// judge says what becomes of a message whose handler returned err. retry is how long it stays hidden if it comes back.
func judge(err error, panicked bool, retry time.Duration, stopping bool) verdict {
	switch {
	case err == nil:
		return verdict{outcome: outcomeHandled, delete: true}
	case errors.Is(err, events.ErrUndecodable):
		return verdict{outcome: outcomeUndecodable}
	case panicked:
		return verdict{outcome: outcomePanicked, hide: true, visibility: retry}
	case stopping:
		// Whoever leads next shall have it at once.
		return verdict{outcome: outcomeReturned, hide: true}
	}
	return verdict{outcome: outcomeFailed, hide: true, visibility: retry}
}

// abandon says what becomes of a message whose handler did not return.
func abandon(retry time.Duration) verdict {
	return verdict{outcome: outcomeAbandoned, hide: true, visibility: retry}
}

// retryVisibility is how long a message that was received so many times and failed stays hidden:
// min(2^(receiveCount-1), 60) times the first time.
func retryVisibility(first time.Duration, receiveCount int) time.Duration {
	const most = 60
	// 2^6 is above the bound; a greater exponent would only overflow.
	exponent := min(max(receiveCount-1, 0), 6)
	return first * time.Duration(min(1<<exponent, most))
}

// receiveDelay is how long to wait after so many failed receives in a row, at least 1: between a half and all of
// min(2^(failures-1) * 0.5 s, 30 s), by a random fraction in [0, 1), so that receivers do not fall into step.
func receiveDelay(failures int, fraction float64) time.Duration {
	const first, most = 500 * time.Millisecond, 30 * time.Second
	full := min(float64(first)*math.Pow(2, float64(failures-1)), float64(most))
	return time.Duration(full/2 + full/2*fraction)
}
