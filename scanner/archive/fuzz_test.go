package archive

import (
	"bytes"
	"io"
	"testing"
)

func FuzzWalk(f *testing.F) {
	limits := DefaultLimits()
	limits.Bytes, limits.Slack, limits.Spool = 1<<20, 1<<16, 1<<20
	f.Add([]byte("PK\x03\x04"))
	f.Add([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0})
	f.Add([]byte("\xfd7zXZ\x00"))
	f.Fuzz(func(t *testing.T, content []byte) {
		total := int64(0)
		_, err := Walk(t.Context(), io.MultiReader(bytes.NewReader(content)), int64(len(content)), limits, func(file File) error {
			n, err := io.Copy(io.Discard, file.Content)
			total += n
			return err
		})
		if err != nil || total > limits.Bytes+int64(len(content)) {
			t.Fatalf("%d bytes, error %v", total, err)
		}
	})
}
