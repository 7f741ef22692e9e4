package scanschedule

import (
	"strings"

	"github.com/scanjob-dev/scanjob/internal/clip"
)

// note is something that people should hear of, as a Kubernetes event.
type note struct {
	kind, reason, action string
	messages             []string
}

// tell adds a message to the scope's notes. Messages of one reason become one event: the API server counts further ones of
// a reason within minutes as repetitions, and keeps the words of the first.
func (s *scope) tell(kind, reason, action, message string) {
	for i := range s.notes {
		if s.notes[i].kind == kind && s.notes[i].reason == reason {
			s.notes[i].messages = append(s.notes[i].messages, message)
			return
		}
	}
	s.notes = append(s.notes, note{kind, reason, action, []string{message}})
}

// text is the note's messages, as many as fit.
func (n note) text() string { return clip.Note(strings.Join(n.messages, "; ")) }
