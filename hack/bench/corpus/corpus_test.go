package corpus_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scanjob-dev/scanjob/hack/bench/corpus"
)

func made(t *testing.T, seed uint64) *corpus.Corpus {
	t.Helper()
	c, err := corpus.New(filepath.Join(t.TempDir(), "tree"), seed)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Plant(corpus.AWS(), 20); err != nil {
		t.Fatal(err)
	}
	if err := c.PlantLookAlikes(2); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTheSameSeedMakesTheSameCorpus(t *testing.T) {
	a, b, other := made(t, 1), made(t, 1), made(t, 2)
	if len(a.Labels) != len(b.Labels) || len(a.Labels) == 0 {
		t.Fatal(len(a.Labels), len(b.Labels))
	}
	for i := range a.Labels {
		if a.Labels[i] != b.Labels[i] {
			t.Fatalf("%+v\n%+v", a.Labels[i], b.Labels[i])
		}
	}
	if a.Labels[0].Value == other.Labels[0].Value {
		t.Error("another seed makes the same secrets")
	}
}

func TestALabelledValueIsOnItsLine(t *testing.T) {
	c := made(t, 3)
	plain, places, codings := 0, map[string]bool{}, map[string]bool{}
	for _, label := range c.Labels {
		places[label.Place], codings[label.Coding] = true, true
		if label.Coding != "plain" || strings.Contains(label.Path, "!") {
			continue
		}
		data, err := os.ReadFile(filepath.Join(c.Tree, label.Path))
		if err != nil {
			t.Fatal(err)
		}
		line := bytes.Split(data, []byte("\n"))[label.Line-1]
		if !bytes.Contains(line, []byte(label.Value)) && label.Family != corpus.Account {
			t.Errorf("%s:%d (%s) has no %s", label.Path, label.Line, label.Format, label.Family)
		}
		plain++
	}
	if plain < len(c.Labels)/2 || len(places) < 7 || len(codings) < 7 {
		t.Errorf("%d plain of %d, places %v, codings %v", plain, len(c.Labels), places, codings)
	}
}

func TestJudgeCountsWhatIsFoundMissedAndWrong(t *testing.T) {
	labels := []corpus.Label{
		{Path: "a.env", Line: 3, Family: corpus.KeyID, Value: "id", Coding: "plain"},
		{Path: "a.env", Line: 4, Family: corpus.SecretKey, Value: "secret", Coding: "plain"},
		{Path: "b.zip!x/c.env", Line: 9, Family: corpus.SecretKey, Value: "other", Coding: "plain"},
		{Path: "d.env", Line: 1, Family: corpus.Account, Value: "1", Coding: "plain", Optional: true},
	}
	score := corpus.Judge(labels, []corpus.Finding{
		{Path: "a.env", From: 3, To: 3, Rule: "aws-access-key-id"},
		{Path: "b.zip!x/c.env", From: 9, To: 9, Rule: "aws-secret-access-key"},
		{Path: "d.env", From: 1, To: 1, Rule: "aws-account-number"},
		{Path: "e.env", From: 1, To: 1, Rule: "generic-api-key"},
	})
	if score.Planted != 3 || score.Found != 2 || score.Right != 3 || score.Wrong != 1 {
		t.Errorf("%+v", score)
	}
	if len(score.Missed) != 1 || score.Missed[0].Line != 4 {
		t.Errorf("the id of line 3 must not stand for the key of line 4: %+v", score.Missed)
	}
}
