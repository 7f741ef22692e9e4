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

// judge says what becomes of a message that was received so many times and whose handler returned err.
func judge(err error, panicked bool, receiveCount int, stopping bool) verdict {
	switch {
	case err == nil:
		return verdict{outcome: outcomeHandled, delete: true}
	case errors.Is(err, events.ErrUndecodable):
		return verdict{outcome: outcomeUndecodable}
	case panicked:
		return verdict{outcome: outcomePanicked, hide: true, visibility: retryVisibility(receiveCount)}
	case stopping:
		// Whoever leads next shall have it at once.
		return verdict{outcome: outcomeReturned, hide: true}
	}
	return verdict{outcome: outcomeFailed, hide: true, visibility: retryVisibility(receiveCount)}
}

// abandon says what becomes of a message whose handler did not return.
func abandon(receiveCount int) verdict {
	return verdict{outcome: outcomeAbandoned, hide: true, visibility: retryVisibility(receiveCount)}
}

// retryVisibility is how long a message that failed stays hidden: min(2^receiveCount * 5 s, 600 s).
func retryVisibility(receiveCount int) time.Duration {
	const most = 600 * time.Second
	// 2^7 * 5 s is above the bound; a greater exponent would only overflow.
	exponent := min(max(receiveCount, 0), 7)
	return min(5*time.Second<<exponent, most)
}

// receiveDelay is how long to wait after so many failed receives in a row, at least 1: between a half and all of
// min(2^(failures-1) * 0.5 s, 30 s), by a random fraction in [0, 1), so that receivers do not fall into step.
func receiveDelay(failures int, fraction float64) time.Duration {
	const first, most = 500 * time.Millisecond, 30 * time.Second
	full := min(float64(first)*math.Pow(2, float64(failures-1)), float64(most))
	return time.Duration(full/2 + full/2*fraction)
}
