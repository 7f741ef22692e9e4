package archive

import (
	"encoding/binary"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// member is a gzip of the content with a header.
func member(t *testing.T, header gzip.Header, content string) string {
	t.Helper()
	return string(compressed(t, []byte(content), func(w io.Writer) (io.WriteCloser, error) {
		z := gzip.NewWriter(w)
		z.Header = header
		return z, nil
	}))
}

// frame is a zstd of the content.
func frame(t *testing.T, content string, options ...zstd.EOption) string {
	t.Helper()
	return string(compressed(t, []byte(content), func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w, options...) }))
}

// skippable is a frame of zstd that decoders pass over.
func skippable(content string) string {
	head := binary.LittleEndian.AppendUint32(nil, zstdSkippable+5)
	return string(binary.LittleEndian.AppendUint32(head, uint32(len(content)))) + content
}

func TestNothingIsHiddenBetweenTheFramesOfACompressedFile(t *testing.T) {
	random := strings.Repeat("0123456789abcdef", 40_000) + "\x00" + strings.Repeat("x", 300_000)
	one, two := "the first half, ", "and the second"
	for name, content := range map[string]string{
		"the name of a further gzip":    member(t, gzip.Header{Name: "a"}, one) + member(t, gzip.Header{Name: hidden}, two),
		"the comment of a further gzip": member(t, gzip.Header{}, one) + member(t, gzip.Header{}, "") + member(t, gzip.Header{Comment: hidden}, two),
		"the extra of a further gzip":   member(t, gzip.Header{}, one) + member(t, gzip.Header{Extra: []byte(hidden)}, two),
		"a frame that zstd skips":       frame(t, one) + skippable(hidden) + frame(t, two),
		"a first frame that zstd skips": skippable(hidden) + frame(t, one+two),
		"a last frame that zstd skips":  frame(t, one) + frame(t, two, zstd.WithEncoderCRC(false)) + skippable(hidden),
		"behind frames of many blocks":  frame(t, random) + skippable("other") + frame(t, one+two, zstd.WithSingleSegment(true)) + skippable(hidden),
	} {
		t.Run(name, func(t *testing.T) {
			seen, left := everything(t, []byte(content))
			if !strings.Contains(seen, hidden) || !strings.Contains(seen, one+two) || len(left) > 0 {
				t.Errorf("seen %.200q, left out %v", seen, left)
			}
		})
	}
}

func TestWhatStandsBetweenFramesIsBoundedAndTold(t *testing.T) {
	extra := gzip.Header{Extra: []byte(strings.Repeat("e", 60_000))}
	for name, content := range map[string]string{
		"the headers in it have more than 1024 KiB":            strings.Repeat(member(t, extra, "x"), 20),
		"what decoders pass over in it has more than 1024 KiB": skippable(strings.Repeat("s", headersHeld+1)) + frame(t, "x"),
	} {
		_, left := everything(t, []byte(content))
		if len(left) != 1 || left[0].Reason != name {
			t.Errorf("%s: left out %v", name, left)
		}
	}
}

// A file may ask for little at first.
func TestLaterPartsThatAskForTooMuchMemoryAreTold(t *testing.T) {
	pack := func(dictionary int) string {
		return string(compressed(t, []byte("one"), func(w io.Writer) (io.WriteCloser, error) { return xz.WriterConfig{DictCap: dictionary}.NewWriter(w) }))
	}
	for name, content := range map[string]string{
		"xz":   pack(1<<20) + pack(2*memoryOfDecoders),
		"zstd": frame(t, "one") + frame(t, strings.Repeat("two ", 1<<20), zstd.WithWindowSize(2*memoryOfDecoders)),
	} {
		seen, left := everything(t, []byte(content))
		if !strings.HasPrefix(seen, "one") || len(left) != 1 || !strings.Contains(left[0].Reason, "more memory") {
			t.Errorf("%s: seen %.100q, left out %v", name, seen, left)
		}
	}
}
