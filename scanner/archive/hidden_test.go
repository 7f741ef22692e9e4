package archive

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/ulikunitz/xz"
)

const hidden = "what somebody hid"

// everything is all that Walk visits, and what it leaves out.
func everything(t *testing.T, content []byte) (seen string, left []LeftOut) {
	t.Helper()
	var all bytes.Buffer
	left, err := Walk(t.Context(), io.MultiReader(bytes.NewReader(content)), int64(len(content)), DefaultLimits(), func(f File) error {
		_, err := io.Copy(&all, f.Content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String(), left
}

// zippedAs is a zip of one deflated file with the header.
func zippedAs(t *testing.T, header zip.FileHeader, content, comment string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	header.Method = zip.Deflate
	file, err := w.CreateHeader(&header)
	if err == nil {
		_, err = file.Write([]byte(content))
	}
	if err == nil {
		err = w.SetComment(comment)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// tarredAs is a tar of one file with the header.
func tarredAs(t *testing.T, header tar.Header, content string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	header.Size = int64(len(content))
	err := w.WriteHeader(&header)
	if err == nil {
		_, err = w.Write([]byte(content))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestNothingIsHiddenInAnArchive(t *testing.T) {
	folder := zip.FileHeader{Name: "folder"}
	folder.SetMode(fs.ModeDir | 0o755)
	plain := zippedAs(t, zip.FileHeader{Name: "a"}, "one", "")
	named := compressed(t, []byte("one"), func(w io.Writer) (io.WriteCloser, error) {
		z := gzip.NewWriter(w)
		z.Comment = hidden
		return z, nil
	})
	for name, content := range map[string][]byte{
		"in the comment of a zip":               zippedAs(t, zip.FileHeader{Name: "a"}, "one", hidden),
		"in the comment of a file in a zip":     zippedAs(t, zip.FileHeader{Name: "a", Comment: hidden}, "one", ""),
		"before the first file of a zip":        append([]byte("PK\x03\x04"+hidden), plain...),
		"in a folder of a zip":                  zippedAs(t, folder, hidden, ""),
		"in a file of a tar that is contiguous": tarredAs(t, tar.Header{Name: "a", Typeflag: tar.TypeCont}, hidden),
		"in a file of a kind that is not known": tarredAs(t, tar.Header{Name: "a", Typeflag: 'Z'}, hidden),
		"in a comment in a tar":                 tarredAs(t, tar.Header{Name: "a", Typeflag: tar.TypeReg, PAXRecords: map[string]string{"comment": hidden}}, "one"),
		"behind the end of a tar":               append(tarred(t, text("a", "one")), hidden...),
		"in a second tar":                       append(tarred(t, text("a", "one")), gzipped(t, tarred(t, text("b", hidden)))...),
		"in the comment of a gzip":              named,
		"in a zip in a tar":                     tarred(t, file{"b.zip", zippedAs(t, folder, hidden, "")}),
	} {
		t.Run(name, func(t *testing.T) {
			if seen, left := everything(t, content); !strings.Contains(seen, hidden) {
				t.Errorf("it is not seen in %q, left out %v", seen, left)
			}
		})
	}
}

func TestZipBehindSomethingElseIsOpened(t *testing.T) {
	program := append([]byte("#!/bin/sh\nexec java -jar \"$0\"\n"), zippedAs(t, zip.FileHeader{Name: "a"}, hidden, "a comment")...)
	if Is(program) || !EndsAsZip(program) {
		t.Fatal("it is not told by its end")
	}
	got := ""
	left, err := WalkZip(t.Context(), bytes.NewReader(program), int64(len(program)), DefaultLimits(), func(f File) error {
		data, err := io.ReadAll(f.Content)
		if f.Path == "a" {
			got = string(data)
		}
		return err
	})
	if err != nil || len(left) > 0 || got != hidden {
		t.Errorf("%q, left out %v, error %v", got, left, err)
	}
	if _, left := everything(t, tarred(t, file{"program", program})); len(left) != 1 || left[0].Path != "program" {
		t.Errorf("in another archive: left out %v", left)
	}
	for _, content := range []string{"", "PK\x05\x06", strings.Repeat("PK\x05\x06", 30), "text\x00PK\x05\x06" + strings.Repeat("\x00", 18)} {
		if EndsAsZip([]byte(content)) {
			t.Errorf("%q is taken for a zip", content)
		}
	}
}

func TestZipWithMoreNamesThanAreReadIsTold(t *testing.T) {
	limits := DefaultLimits()
	limits.Entries = 20
	files := make([]file, 4000)
	for i := range files {
		files[i] = text(fmt.Sprint(i), "")
	}
	got, left := walked(t, zipped(t, files...), limits)
	if len(got) > 0 || len(left) != 1 || !strings.Contains(left[0], "list of the files in the zip is too long") {
		t.Errorf("visited %d, left out %v", len(got), left)
	}
}

func TestEndOfContentIsKept(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcdef"), 40<<10)
	for _, size := range []int{1000, endTail - 1, endTail, 1 << 20} {
		end := NewEnd(bytes.NewReader(content), nil)
		for buffer := make([]byte, size); ; {
			if _, err := end.Read(buffer); err != nil {
				break
			}
		}
		if tail := end.Tail(); len(tail) < endTail || !bytes.HasSuffix(content, tail) {
			t.Errorf("read by %d: %d bytes, or others", size, len(tail))
		}
	}
}

func TestXzThatAsksForTooMuchMemoryIsTold(t *testing.T) {
	pack := func(dictionary int) []byte {
		return compressed(t, []byte("one"), func(w io.Writer) (io.WriteCloser, error) { return xz.WriterConfig{DictCap: dictionary}.NewWriter(w) })
	}
	if got, left := walked(t, pack(memoryOfDecoders), DefaultLimits()); got[""] != "one" || len(left) > 0 {
		t.Errorf("%v, left out %v", got, left)
	}
	if got, left := walked(t, pack(2*memoryOfDecoders), DefaultLimits()); len(got) > 0 || len(left) != 1 || !strings.Contains(left[0], "more memory") {
		t.Errorf("%v, left out %v", got, left)
	}
}
