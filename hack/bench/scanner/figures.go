package main

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// figure is a row of the table.
type figure struct {
	Name string `json:"name"`
	// Ours is the measured figure; Must and Aim bound it from below where Least is true, and from above otherwise.
	Ours  float64 `json:"ours"`
	Must  float64 `json:"must"`
	Aim   float64 `json:"aim"`
	Least bool    `json:"least"`
	Unit  string  `json:"unit,omitempty"`
	// CPU is the same figure by CPU time, where the figure is of times: it says more on a busy machine.
	CPU float64 `json:"cpu,omitempty"`
	// Detail is what the figure was computed from.
	Detail string `json:"detail,omitempty"`
	// Missing says why the figure was not measured.
	Missing string `json:"missing,omitempty"`
}

func (f figure) passes() bool { return f.Missing == "" && f.reaches(f.Must) }

func (f figure) reaches(bound float64) bool {
	if f.Least {
		return f.Ours >= bound
	}
	return f.Ours <= bound
}

func (f figure) verdict() string {
	switch {
	case f.Missing != "":
		return "not measured: " + f.Missing
	case f.reaches(f.Aim):
		return "aim"
	case f.passes():
		return "pass"
	}
	return "FAIL"
}

func (f figure) bound(value float64) string {
	sign := "≤"
	if f.Least {
		sign = "≥"
	}
	return sign + " " + number(value) + f.Unit
}

// number prints three digits that count.
func number(value float64) string {
	if value >= 100 {
		return fmt.Sprintf("%.0f", value)
	}
	return fmt.Sprintf("%.3g", value)
}

// printTable prints the figures as a table in Markdown, which is also readable as it is.
func printTable(w io.Writer, figures []figure) error {
	table := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	fmt.Fprintln(table, "| Figure\t| Must\t| Aim\t| Ours\t| by CPU time\t|\t| From\t|")
	fmt.Fprintln(table, "| ---\t| ---\t| ---\t| ---\t| ---\t| ---\t| ---\t|")
	for _, f := range figures {
		ours, cpu := number(f.Ours)+f.Unit, ""
		if f.Missing != "" {
			ours = ""
		}
		if f.CPU > 0 {
			cpu = number(f.CPU)
		}
		fmt.Fprintf(table, "| %s\t| %s\t| %s\t| %s\t| %s\t| %s\t| %s\t|\n", f.Name, f.bound(f.Must), f.bound(f.Aim), ours, cpu, f.verdict(), f.Detail)
	}
	return table.Flush()
}
