package detect_test

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"
)

func encoded(order binary.AppendByteOrder, text string) string {
	var raw []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		raw = order.AppendUint16(raw, unit)
	}
	return string(raw)
}

func TestUTF16(t *testing.T) {
	pair := newPair(t)
	fill := func(text string) string {
		return strings.NewReplacer("{id}", pair.ID, "{secret}", pair.Secret).Replace(text)
	}
	rows := []struct {
		name string
		// wide is in UTF-16, plain in ASCII after it, again in UTF-16 after that.
		wide, plain, again string
		want               []found
	}{
		{"a file in UTF-16", "Schlüssel: {id}\r\nGeheimnis: {secret}\r\n", "", "", pairAt(1, 2)},
		{"lines that a program added in ASCII", "Notes\r\n", "aws_access_key_id={id}\naws_secret_access_key={secret}\n", "", pairAt(2, 3)},
		{"lines that a program of Windows added in ASCII", "Notes\r\n", "{id}\r\n{secret}\r\n", "", pairAt(2, 3)},
		{"a secret in ASCII beside its id in UTF-16", "id {id}\r\n", "{secret}\n", "", pairAt(1, 2)},
		{"UTF-16 after an odd number of bytes in ASCII", "Notes\r\n", "an odd one\n", "{id}\r\n{secret}\r\n", pairAt(3, 4)},
		{"letters of other scripts beside the id and the secret", "密钥中{id}中\n上上上{secret}上\n", "", "", pairAt(1, 2)},
		{"a letter with a half that is zero beside them", "一{id}一\n一{secret}一\n", "", "", pairAt(1, 2)},
		{"a letter with a half that looks like a line's end", "上海\n上海上上上\n{id}\n上{secret}", "", "", pairAt(3, 4)},
		{"one byte too many", "{id}\n{secret}\n", "x", "", pairAt(1, 2)},
		{"nothing but the mark", "", "", "", nil},
	}
	for name, order := range map[string]binary.AppendByteOrder{"little endian": binary.LittleEndian, "big endian": binary.BigEndian} {
		for _, row := range rows {
			t.Run(row.name+", "+name, func(t *testing.T) {
				got := short(scan(t, encoded(order, "\ufeff"+fill(row.wide))+fill(row.plain)+encoded(order, fill(row.again))))
				if fmt.Sprint(got) != fmt.Sprint(row.want) {
					t.Errorf("got %v, want %v", got, row.want)
				}
			})
		}
	}
	t.Run("one byte of a mark is no mark", func(t *testing.T) {
		if got := short(scan(t, "\xff"+pair.ID+"\n"+pair.Secret)); fmt.Sprint(got) != fmt.Sprint(pairAt(1, 2)) {
			t.Errorf("got %v", got)
		}
	})
}
