package main

import (
	"strings"
	"testing"

	"github.com/scanjob-dev/scanjob/hack/bench/corpus"
)

func TestAFigurePassesByItsOwnDirection(t *testing.T) {
	for _, c := range []struct {
		figure figure
		want   string
	}{
		{figure{Ours: 25, Must: 20, Aim: 60, Least: true}, "pass"},
		{figure{Ours: 60, Must: 20, Aim: 60, Least: true}, "aim"},
		{figure{Ours: 19, Must: 20, Aim: 60, Least: true}, "FAIL"},
		{figure{Ours: 1.6, Must: 3, Aim: 1.5}, "pass"},
		{figure{Ours: 1.5, Must: 3, Aim: 1.5}, "aim"},
		{figure{Ours: 3.1, Must: 3, Aim: 1.5}, "FAIL"},
		{figure{Must: 3, Aim: 1.5, Missing: "ripgrep is not installed"}, "not measured: ripgrep is not installed"},
	} {
		if got := c.figure.verdict(); got != c.want {
			t.Errorf("%+v: %s, want %s", c.figure, got, c.want)
		}
	}
}

func TestTheTableHasARowForEachFigure(t *testing.T) {
	var out strings.Builder
	if err := printTable(&out, []figure{{Name: "start", Ours: 12.3, Must: 50, Aim: 15, Unit: " ms"}, {Name: "ratio", Ours: 31, CPU: 30, Must: 20, Aim: 60, Least: true}}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"≤ 50 ms", "12.3 ms", "≥ 20", "| aim", "| pass"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

func TestTheMedianIsInTheMiddle(t *testing.T) {
	of := func(s sample) float64 { return s.Wall }
	if got := median([]sample{{Wall: 9}, {Wall: 1}, {Wall: 2}}, of); got != 2 {
		t.Error(got)
	}
	if got := median([]sample{{Wall: 4}, {Wall: 1}, {Wall: 2}, {Wall: 9}}, of); got != 3 {
		t.Error(got)
	}
}

func TestAProgramsCostIsMeasured(t *testing.T) {
	s, err := runOnce(t.Context(), command{name: "sh", arguments: []string{"-c", "echo out; exit 10"}, codes: []int{10}})
	if err != nil || string(s.Output) != "out\n" || s.Wall <= 0 || s.Peak <= 0 {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := runOnce(t.Context(), command{name: "sh", arguments: []string{"-c", "echo why >&2; exit 3"}}); err == nil || !strings.Contains(err.Error(), "why") {
		t.Errorf("the error says nothing of the program's own words: %v", err)
	}
}

func TestReportsAreReadWithPathsBelowTheTree(t *testing.T) {
	want := corpus.Finding{Path: "a/b.env", From: 3, Rule: "some-rule"}
	ours, err := ourFindings([]byte(`{"findings": [{"rule": "some-rule", "path": "a/b.env", "line": 3}]}`), "/corpus/tree")
	if err != nil || len(ours) != 1 || ours[0] != want {
		t.Errorf("%+v, %v", ours, err)
	}
	want.To, want.Secret = 3, "shown"
	theirs, err := gitleaksFindings([]byte(`[{"RuleID": "some-rule", "File": "/corpus/tree/a/b.env", "StartLine": 3, "EndLine": 3, "Secret": "shown"}]`), "/corpus/tree")
	if err != nil || len(theirs) != 1 || theirs[0] != want {
		t.Errorf("%+v, %v", theirs, err)
	}
}
