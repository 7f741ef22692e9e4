package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// The colours of a terminal, as SGR codes.
const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
)

// screen prints what happens. On a terminal it has colours and moving clocks, elsewhere plain lines.
type screen struct {
	out      io.Writer
	terminal bool
	colours  bool
	start    time.Time

	mu   sync.Mutex
	zero time.Time // what the times of events count from
}

func newScreen(out *os.File) *screen {
	terminal := term.IsTerminal(int(out.Fd()))
	now := time.Now()
	return &screen{out: out, terminal: terminal, colours: terminal && os.Getenv("NO_COLOR") == "", start: now, zero: now}
}

// paint gives a text a colour.
func (s *screen) paint(colour, text string) string {
	if !s.colours || colour == "" {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

func (s *screen) print(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprint(s.out, text)
}

// heading opens a part of the demo.
func (s *screen) heading(text string) { s.print("\n" + s.paint(bold, text) + "\n") }

// line prints one thing that was done, and how long after the start.
func (s *screen) line(label, format string, arguments ...any) {
	s.print(s.format(time.Since(s.start), "", label, fmt.Sprintf(format, arguments...)) + "\n")
}

// countFrom makes a moment the zero of the times of events.
func (s *screen) countFrom(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.zero = t
}

// event prints one thing that happened by itself, with its distance to the zero.
func (s *screen) event(at time.Time, label, text string) {
	s.mu.Lock()
	since := at.Sub(s.zero)
	s.mu.Unlock()
	s.print(s.format(since, "+", label, text) + "\n")
}

// row prints a row of a table as an event without a label.
func (s *screen) row(at time.Time, text string) {
	s.mu.Lock()
	since := at.Sub(s.zero)
	s.mu.Unlock()
	s.print(s.clock(since, "+") + "  " + text + "\n")
}

// labelWidth is that of the longest label, indent where texts begin, and textWidth what is left for them.
const (
	labelWidth = 14
	indent     = 9 + 2 + labelWidth + 1
	textWidth  = 110 - indent
)

func (s *screen) format(since time.Duration, sign, label, text string) string {
	return s.clock(since, sign) + "  " + fmt.Sprintf("%-*s ", labelWidth, label) + text
}

func (s *screen) clock(since time.Duration, sign string) string {
	return s.paint(dim, fmt.Sprintf("%9s", fmt.Sprintf("%s%.2fs", sign, max(since, 0).Seconds())))
}

// block prints a text of several lines with a bar at its left. Long lines are wrapped, as a mail reader does.
func (s *screen) block(text string) {
	var out strings.Builder
	for line := range strings.Lines(strings.TrimRight(text, "\n") + "\n") {
		for _, part := range wrap(strings.TrimSuffix(line, "\n"), blockWidth) {
			out.WriteString("           " + s.paint(dim, "|") + " " + part + "\n")
		}
	}
	s.print(out.String())
}

// blockWidth is that of the texts of blocks.
const blockWidth = 96

// wrap cuts a line at spaces into lines of at most so many bytes. They begin as the first one does. A word that fits on no
// line stays where it is.
func wrap(line string, width int) []string {
	text := strings.TrimLeft(line, " ")
	margin := line[:len(line)-len(text)]
	var lines []string
	current := margin
	for i, word := range strings.Split(text, " ") {
		switch {
		case i == 0:
			current += word
		case len(current)+1+len(word) > width && len(margin)+len(word) <= width:
			lines = append(lines, strings.TrimRight(current, " "))
			current = margin + word
		default:
			current += " " + word
		}
	}
	return append(lines, current)
}

// noteInterval is how often a long step says on a plain output that it still goes on.
const noteInterval = 5 * time.Second

// during does a step and prints what came of it. While it lasts, a terminal shows a clock, and a plain output a line now
// and then. The error says which step failed.
func (s *screen) during(label, doing string, do func() (string, error)) error {
	finished, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		s.progress(label, doing, finished)
	}()
	result, err := do()
	close(finished)
	<-stopped
	if err != nil {
		return stepError{step: doing, err: err}
	}
	s.line(label, "%s", result)
	return nil
}

func (s *screen) progress(label, doing string, finished <-chan struct{}) {
	interval := noteInterval
	if s.terminal {
		interval = 100 * time.Millisecond
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-finished:
			if s.terminal {
				s.print("\r\x1b[K")
			}
			return
		case <-ticker.C:
			text := s.format(time.Since(s.start), "", label, doing+" …")
			if s.terminal {
				s.print("\r\x1b[K" + text)
			} else {
				s.print(text + "\n")
			}
		}
	}
}

// stepError says which step of the demo failed.
type stepError struct {
	step string
	err  error
}

// Error is the reason; the step is told apart from it.
func (e stepError) Error() string { return e.err.Error() }

// Unwrap is the reason.
func (e stepError) Unwrap() error { return e.err }

// seconds writes a duration for people.
func seconds(d time.Duration) string { return fmt.Sprintf("%.2fs", d.Seconds()) }
