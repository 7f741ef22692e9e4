package detect_test

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
)

func TestUTF32(t *testing.T) {
	pair := newPair(t)
	text := "\ufeffSchlüssel 鍵: " + pair.ID + "\r\nGeheimnis: " + pair.Secret + "\n"
	for name, order := range map[string]binary.AppendByteOrder{"little endian": binary.LittleEndian, "big endian": binary.BigEndian} {
		for tail, want := range map[string][]found{
			"": pairAt(1, 2), "x": pairAt(1, 2), strings.Repeat("\x00", 3): pairAt(1, 2),
		} {
			t.Run(fmt.Sprintf("%s with %d bytes too many", name, len(tail)), func(t *testing.T) {
				var raw []byte
				for _, letter := range text {
					raw = order.AppendUint32(raw, uint32(letter))
				}
				content := string(raw) + tail
				if got := short(scan(t, content)); fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("got %v, want %v", got, want)
				}
			})
		}
	}
	if got := scan(t, "\xff\xfe\x00\x00"); len(got) != 0 {
		t.Errorf("the mark alone is %v", short(got))
	}
}

func TestTheMarkOfUTF32HidesNothing(t *testing.T) {
	pair := newPair(t)
	for name, mark := range map[string]string{"little endian": "\xff\xfe\x00\x00", "big endian": "\x00\x00\xfe\xff"} {
		for shift := range 4 {
			content := mark + strings.Repeat("#", shift) + "\nid: " + pair.ID + "\nsecret: " + pair.Secret
			if got := short(scan(t, content)); fmt.Sprint(got) != fmt.Sprint(pairAt(2, 3)) {
				t.Errorf("%s before ASCII, %d bytes further: got %v", name, shift, got)
			}
		}
	}
}
