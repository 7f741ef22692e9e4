package detect

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/planted"
)

func TestColumnsCountCharactersInWhateverOrderTheyAreAskedFor(t *testing.T) {
	const text = "ab\nümlaut: é x\n\nend"
	w := &window{data: []byte(text), linesBefore: 4, columnsBefore: 10}
	x, e := strings.Index(text, "x"), strings.Index(text, "end")
	for _, order := range [][]int{{0, 1, x, e}, {e, x, 1, 0}, {x, x + 1, x, 0}, {1, e, 0}} {
		lines := newLineCounter(w)
		for _, offset := range order {
			want := map[int][2]int{0: {5, 11}, 1: {5, 12}, x: {6, 11}, x + 1: {6, 12}, e: {8, 1}}[offset]
			if line, column := lines.at(offset); line != want[0] || column != want[1] {
				t.Errorf("in the order %v, offset %d is at %d:%d, want %d:%d", order, offset, line, column, want[0], want[1])
			}
		}
	}
}

func TestPairsSayWhereTheyStandAndWhereTheOtherHalfIs(t *testing.T) {
	pair, err := planted.NewKeyPair(planted.Account())
	if err != nil {
		t.Fatal(err)
	}
	detector, err := New()
	if err != nil {
		t.Fatal(err)
	}
	// The id stands far away first, and then beside its secret, which is where people look for it.
	content := pair.ID + strings.Repeat("\n", 2000) + "é id = " + pair.ID + "\n\nsecret_access_key = " + pair.Secret
	matches, err := detector.Scan(t.Context(), strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	var got []contract.Finding
	for _, match := range matches {
		finding, err := detector.Finding(t.Context(), match, "a", "")
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, contract.Finding{Line: finding.Line, EndLine: finding.EndLine, Column: finding.Column, EndColumn: finding.EndColumn, PartnerLine: finding.PartnerLine})
	}
	want := []contract.Finding{
		{Line: 2001, EndLine: 2001, Column: 8, EndColumn: 28, PartnerLine: 2003},
		{Line: 2003, EndLine: 2003, Column: 21, EndColumn: 61, PartnerLine: 2001},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	inPath, err := detector.ScanPath(t.Context(), "keys/"+pair.ID)
	if err != nil || len(inPath) != 1 || inPath[0].Line != 0 || inPath[0].Column != 0 || inPath[0].EndLine != 0 {
		t.Errorf("in a path: %+v, error %v", inPath, err)
	}
}
