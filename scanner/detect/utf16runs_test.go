package detect_test

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
)

func TestUTF16WithinOtherContent(t *testing.T) {
	pair := newPair(t)
	lines := "aws_access_key_id = " + pair.ID + "\r\naws_secret_access_key = " + pair.Secret + "\r\n"
	text := strings.Repeat("plain text of a file\n", 40)
	binaryOf := func(n int) string { return strings.Repeat("\x7fELF\x00\x00\x01\x00\xff\xfe", n) }
	for name, order := range map[string]binary.AppendByteOrder{"little endian": binary.LittleEndian, "big endian": binary.BigEndian} {
		wide := encoded(order, lines)
		for _, row := range []struct {
			name, content string
			first         int
		}{
			{"behind ASCII", text + wide, 41},
			{"behind an odd number of bytes", text + "#\n" + wide, 42},
			{"between ASCII", text + wide + text, 41},
			{"behind ASCII and a mark", text + encoded(order, "\ufeff") + wide, 41},
			{"behind letters of another language", text + encoded(order, "Schlüssel für später\r\n密钥\r\n") + wide, 43},
			{"in a program", binaryOf(100) + wide + binaryOf(100), 1},
			{"behind the mark of UTF-32", "\xff\xfe\x00\x00" + text + wide, 41},
			{"far behind", strings.Repeat("0123456789abcde\n", 1<<16) + wide, 1<<16 + 1},
			{"over the end of a window", strings.Repeat("0123456789abcde\n", (1<<20+16<<10+4<<10)/16-1) + wide, (1<<20 + 16<<10 + 4<<10) / 16},
		} {
			if got, want := short(scan(t, row.content)), pairAt(row.first, row.first+1); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s, %s: got %v, want %v", row.name, name, got, want)
			}
		}
	}
}

func TestUTF16EndsWhereASCIIGoesOn(t *testing.T) {
	pair := newPair(t)
	content := strings.Repeat("plain text\n", 60) + encoded(binary.LittleEndian, "the key is "+pair.ID) + "END\n"
	if got := scan(t, content); len(got) != 1 || got[0].Line != 61 || got[0].EndColumn-got[0].Column != 2*len(pair.ID)-1 {
		t.Errorf("got %+v", got)
	}
}

func TestWindowsOfUTF16AreFoundOnce(t *testing.T) {
	pair := newPair(t)
	line := encoded(binary.LittleEndian, "some text of a log that goes on and on\n")
	content := strings.Repeat("plain text\n", 60) + strings.Repeat(line, 40_000) + encoded(binary.LittleEndian, "the key is "+pair.ID+"\n") + strings.Repeat(line, 1000)
	if got := scan(t, content); len(got) != 1 || got[0].Line != 40_061 {
		t.Errorf("got %+v", got)
	}
}
