package detect

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/scanjob-dev/scanjob/scanner/rules"
)

func TestAShortContentIsComparedAsTheTableWouldFindIt(t *testing.T) {
	set, err := rules.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	engine, err := NewEngine(set, Options{})
	if err != nil {
		t.Fatal(err)
	}
	filter, _ := engine.search()
	type content struct {
		text []byte
		from int
	}
	random := rand.New(rand.NewPCG(1, 2))
	var contents []content
	for range 200 {
		var text []byte
		for len(text) < fewBytes {
			text = append(text, filter.literals[random.IntN(len(filter.literals))]...)
			text = append(text, " =_/A"[random.IntN(5)])
		}
		contents = append(contents, content{text, random.IntN(20)})
	}
	find := func(c content) []candidate {
		return sorted(filter.find(c.text, c.from, min(len(c.text), c.from+fewBytes), nil))
	}
	var compared [][]candidate
	for _, c := range contents {
		compared = append(compared, find(c))
	}
	if filter.made.Load() {
		t.Fatal("a table was made for short contents")
	}
	filter.make.Do(filter.makeTable)
	for i, c := range contents {
		if diff := gocmp.Diff(compared[i], find(c), gocmp.AllowUnexported(candidate{})); diff != "" || len(compared[i]) == 0 {
			t.Fatalf("%q from %d: -compared +found\n%s", c.text, c.from, diff)
		}
	}
}

// sorted returns each candidate once.
func sorted(found []candidate) []candidate {
	slices.SortFunc(found, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.literal, b.literal))
	})
	return slices.Compact(found)
}
