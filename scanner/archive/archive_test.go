package archive

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// file is a name and a content to put into an archive.
type file struct {
	name    string
	content []byte
}

func text(name, content string) file { return file{name, []byte(content)} }

func zipped(t *testing.T, files ...file) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range files {
		entry, err := w.Create(f.name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := entry.Write(f.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func tarred(t *testing.T, files ...file) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, f := range files {
		if err := w.WriteHeader(&tar.Header{Name: f.name, Size: int64(len(f.content)), Mode: 0o644, Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(f.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.WriteHeader(&tar.Header{Name: "link", Linkname: "/etc/passwd", Typeflag: tar.TypeSymlink}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func compressed(t *testing.T, content []byte, open func(io.Writer) (io.WriteCloser, error)) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := open(&out)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func gzipped(t *testing.T, content []byte) []byte {
	t.Helper()
	return compressed(t, content, func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil })
}

// walked returns what Walk visits and leaves out.
func walked(t *testing.T, content []byte, limits Limits) (map[string]string, []string) {
	t.Helper()
	got := map[string]string{}
	// A reader that is no file, as the content of a Git object is.
	left, err := Walk(t.Context(), io.MultiReader(bytes.NewReader(content)), int64(len(content)), limits, func(f File) error {
		data, err := io.ReadAll(f.Content)
		if f.Between {
			return err
		}
		got[f.Path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var reasons []string
	for _, l := range left {
		reasons = append(reasons, l.String())
	}
	return got, reasons
}

func TestWalkVisitsWhatIsInArchivesOfEveryKind(t *testing.T) {
	a, b := text("a.txt", "one"), text("dir/b.txt", "two")
	named := compressed(t, []byte("three"), func(w io.Writer) (io.WriteCloser, error) {
		z := gzip.NewWriter(w)
		z.Name = "c.txt"
		return z, nil
	})
	for name, test := range map[string]struct {
		content []byte
		want    map[string]string
	}{
		"zip":                     {zipped(t, a, b), map[string]string{"a.txt": "one", "dir/b.txt": "two"}},
		"tar":                     {tarred(t, a, b), map[string]string{"a.txt": "one", "dir/b.txt": "two"}},
		"tar.gz":                  {gzipped(t, tarred(t, a)), map[string]string{"a.txt": "one"}},
		"gz with a name":          {named, map[string]string{"c.txt": "three"}},
		"gz without a name":       {gzipped(t, []byte("four")), map[string]string{"": "four"}},
		"xz":                      {compressed(t, []byte("five"), func(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) }), map[string]string{"": "five"}},
		"zstd":                    {compressed(t, []byte("six"), func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) }), map[string]string{"": "six"}},
		"an archive in one":       {zipped(t, file{"lib/x.jar", zipped(t, b)}, file{"y.tgz", gzipped(t, tarred(t, a))}), map[string]string{"lib/x.jar!dir/b.txt": "two", "y.tgz!a.txt": "one"}},
		"names that lead outside": {zipped(t, text("../../etc/passwd", "x"), text("/abs", "y")), map[string]string{"etc/passwd": "x", "abs": "y"}},
		"an empty zip":            {zipped(t), map[string]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			if !Is(test.content) {
				t.Error("it is not taken for an archive")
			}
			got, left := walked(t, test.content, DefaultLimits())
			if !maps.Equal(got, test.want) || len(left) > 0 {
				t.Errorf("visited %v, left out %v; want %v", got, left, test.want)
			}
		})
	}
}

func TestBzip2IsOpened(t *testing.T) {
	// "hello\n" as bzip2 1.0.8 packs it; the standard library only reads the form.
	content := []byte{
		0x42, 0x5a, 0x68, 0x39, 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, 0xc1, 0xc0, 0x80, 0xe2, 0x00, 0x00, 0x01, 0x41, 0x00, 0x00, 0x10,
		0x02, 0x44, 0xa0, 0x00, 0x30, 0xcd, 0x00, 0xc3, 0x46, 0x29, 0x97, 0x17, 0x72, 0x45, 0x38, 0x50, 0x90, 0xc1, 0xc0, 0x80, 0xe2,
	}
	if got, left := walked(t, content, DefaultLimits()); got[""] != "hello\n" || len(left) > 0 {
		t.Errorf("%q, left out %v", got, left)
	}
}

func TestTextIsNoArchive(t *testing.T) {
	for _, content := range []string{"", "PK", "plain text", strings.Repeat("0", 600), strings.Repeat("\x00", 600), "BZhello"} {
		if Is([]byte(content)) {
			t.Errorf("%.10q is taken for an archive", content)
		}
	}
}

func TestZipThatIsAFileIsReadInPlace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.zip")
	content := zipped(t, text("a", "one"))
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	opened, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = opened.Close() }()
	limits := DefaultLimits()
	limits.Spool = 1
	visited := 0
	left, err := Walk(t.Context(), opened, int64(len(content)), limits, func(f File) error {
		if !f.Between {
			visited++
		}
		return nil
	})
	if err != nil || visited != 1 || len(left) > 0 {
		t.Errorf("visited %d, left out %v, error %v", visited, left, err)
	}
}

func TestWhatIsTooMuchIsLeftOutAndTold(t *testing.T) {
	zeros := make([]byte, 4<<20)
	bomb := zipped(t, text("first.txt", "one"), file{"zeros", zeros}, text("last.txt", "two"))
	nested := []byte("x")
	for i := range 8 {
		nested = zipped(t, file{fmt.Sprint(i), nested})
	}
	fanned := zeros
	for range 3 {
		fanned = zipped(t, file{"a", fanned}, file{"b", fanned}, file{"c", fanned}, file{"d", fanned})
	}
	many := make([]file, 50)
	for i := range many {
		many[i] = text(fmt.Sprint(i), "x")
	}
	small := DefaultLimits()
	small.Bytes, small.Slack, small.Entries = 8<<20, 1<<20, 20
	for name, test := range map[string]struct {
		content []byte
		visited int
		told    string
	}{
		"a bomb by its ratio":           {bomb, 2, "zeros: the archive unpacks to more"},
		"one that nests without an end": {nested, 0, "nest deeper than 5"},
		"one that nests and fans out":   {fanned, -1, "unpacks to more"},
		"too many files":                {zipped(t, many...), 19, "more than 20 files"},
	} {
		t.Run(name, func(t *testing.T) {
			got, left := walked(t, test.content, small)
			if test.visited >= 0 && len(got) != test.visited || len(left) == 0 || !strings.Contains(strings.Join(left, "\n"), test.told) {
				t.Errorf("visited %d, left out %v; want %d and %q", len(got), left, test.visited, test.told)
			}
			total := 0
			for _, content := range got {
				total += len(content)
			}
			if total > 8<<20 {
				t.Errorf("%d bytes were read", total)
			}
		})
	}
}

func TestDamageIsToldAndTheRestIsRead(t *testing.T) {
	whole := gzipped(t, tarred(t, text("a.txt", "one"), file{"b.bin", bytes.Repeat([]byte("abcdefg\n"), 9000)}))
	got, left := walked(t, whole[:len(whole)-40], DefaultLimits())
	if got["a.txt"] != "one" || len(left) == 0 || !strings.Contains(left[0], "damaged") {
		t.Errorf("visited %v, left out %v", slices.Collect(maps.Keys(got)), left)
	}
	broken := zipped(t, text("a.txt", "one"), text("b.txt", "two"))
	i := bytes.Index(broken, []byte("a.txt")) + len("a.txt")
	broken[i] ^= 0xff
	got, left = walked(t, broken, DefaultLimits())
	if got["b.txt"] != "two" || len(left) != 1 || !strings.HasPrefix(left[0], "a.txt: ") {
		t.Errorf("visited %v, left out %v", got, left)
	}
	if got, left := walked(t, []byte("PK\x03\x04 is how a zip begins"), DefaultLimits()); len(got) != 0 || len(left) != 1 {
		t.Errorf("visited %v, left out %v", got, left)
	}
}

func TestEncryptedFilesAreTold(t *testing.T) {
	content := zipped(t, text("secret.txt", "one"))
	central := bytes.Index(content, []byte("PK\x01\x02"))
	content[central+8] |= encrypted
	got, left := walked(t, content, DefaultLimits())
	if len(got) != 0 || !slices.Equal(left, []string{"secret.txt: it is encrypted"}) {
		t.Errorf("visited %v, left out %v", got, left)
	}
}

func TestWalkEndsWithItsContextAndItsVisitor(t *testing.T) {
	content := zipped(t, text("a", "one"), text("b", "two"))
	ctx, cancel := context.WithCancelCause(t.Context())
	late := errors.New("too late")
	_, err := Walk(ctx, bytes.NewReader(content), int64(len(content)), DefaultLimits(), func(File) error { cancel(late); return nil })
	if !errors.Is(err, late) {
		t.Errorf("error = %v, want %v", err, late)
	}
	enough := errors.New("enough")
	if _, err := Walk(t.Context(), bytes.NewReader(content), int64(len(content)), DefaultLimits(), func(File) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("error = %v, want %v", err, enough)
	}
}
