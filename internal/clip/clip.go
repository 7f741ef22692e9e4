// Package clip bounds texts that were made of what others wrote, such as an error that quotes its input.
package clip

// NoteBytes is the most that the API server takes as the note of a Kubernetes event
// (https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.37/#event-v1-events-k8s-io).
const NoteBytes = 1024

const mark = "…"

// Bytes returns a text of at most so many bytes of UTF-8: the text itself, or its beginning with an ellipsis.
func Bytes(text string, most int) string {
	if len(text) <= most {
		return text
	}
	end := most - len(mark)
	for end > 0 && text[end]&0xC0 == 0x80 {
		end--
	}
	return text[:max(end, 0)] + mark
}

// Note returns a text that can be the note of a Kubernetes event.
func Note(text string) string {
	return Bytes(text, NoteBytes)
}
