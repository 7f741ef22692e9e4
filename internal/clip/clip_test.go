package clip

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestBytes(t *testing.T) {
	tests := map[string]struct {
		text string
		most int
		want string
	}{
		"a text that fits stays":                    {"abcde", 5, "abcde"},
		"a longer one ends in an ellipsis":          {"abcdef", 5, "ab…"},
		"a character is not cut":                    {"aéééé", 7, "aé…"},
		"nothing but the ellipsis fits":             {"abcdef", 3, "…"},
		"a character of four bytes is not cut":      {"😀😀😀", 8, "😀…"},
		"the count is of bytes, and not characters": {strings.Repeat("é", 3), 6, "ééé"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := Bytes(test.text, test.most)
			if got != test.want || len(got) > test.most || !utf8.ValidString(got) {
				t.Errorf("%q, %d bytes; want %q", got, len(got), test.want)
			}
		})
	}
}
