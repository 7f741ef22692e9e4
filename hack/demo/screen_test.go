package main

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func plainScreen() (*screen, *bytes.Buffer) {
	var out bytes.Buffer
	return &screen{out: &out, start: time.Now(), zero: time.Now()}, &out
}

func TestAFileGetsNoColoursAndNoMovingClock(t *testing.T) {
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	s := newScreen(file)
	if s.terminal || s.paint(red, "text") != "text" {
		t.Error("a file is taken for a terminal")
	}
	s.colours = true
	if got := s.paint(red, "text"); got != "\x1b[31mtext\x1b[0m" {
		t.Errorf("on a terminal the text is %q", got)
	}
}

func TestAStepThatSucceedsIsALineAndOneThatFailsNamesItself(t *testing.T) {
	s, out := plainScreen()
	if err := s.during("manager", "start the manager", func() (string, error) { return "runs", nil }); err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(out.String(), "manager        runs\n") {
		t.Errorf("the line is %q", out.String())
	}
	reason := errors.New("no such file")
	err := s.during("manager", "start the manager", func() (string, error) { return "", reason })
	var failed stepError
	if !errors.As(err, &failed) || failed.step != "start the manager" || !errors.Is(err, reason) {
		t.Errorf("error is %#v, want the step and the reason", err)
	}
}

func TestEventsAreTimedFromTheZero(t *testing.T) {
	s, out := plainScreen()
	zero := time.Date(2026, 1, 15, 12, 30, 45, 0, time.UTC)
	s.countFrom(zero)
	s.event(zero.Add(1500*time.Millisecond), "e-mail", "sent")
	s.event(zero.Add(-time.Millisecond), "inbox", "a clock of its own")
	if want := "   +1.50s  e-mail         sent\n   +0.00s  inbox          a clock of its own\n"; out.String() != want {
		t.Errorf("printed %q, want %q", out.String(), want)
	}
}

func TestWrap(t *testing.T) {
	for name, row := range map[string]struct {
		line string
		want []string
	}{
		"a short line stays":                 {"  abc def", []string{"  abc def"}},
		"an empty line stays":                {"", []string{""}},
		"a long line is cut at a space":      {"abc def ghi jkl", []string{"abc def", "ghi jkl"}},
		"what follows keeps the indentation": {"  abc def ghi", []string{"  abc def", "  ghi"}},
		"a long word stays where it is":      {"a bcdefghijklmnop q", []string{"a bcdefghijklmnop", "q"}},
		"spaces within a line are kept":      {"a:   b", []string{"a:   b"}},
		"a line of one long word stays":      {"  abcdefghijklmnop", []string{"  abcdefghijklmnop"}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := wrap(row.line, 10); !slices.Equal(got, row.want) {
				t.Errorf("lines are %q, want %q", got, row.want)
			}
		})
	}
}
