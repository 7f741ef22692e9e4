package corpus

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// place is where in its file a secret stands.
type place struct {
	name    string
	arrange func(*rand.Rand, format, []Field) string
}

// places returns the places for n fields; the plain one is there more than once, because odd ones are rare in life.
func places(n int) []place {
	plain := place{"among others", func(r *rand.Rand, f format, fields []Field) string { return f.render(r, fields) }}
	all := []place{
		plain, plain, plain, plain, plain, plain, plain, plain, plain, plain,
		{"at the end without a newline", func(r *rand.Rand, f format, fields []Field) string {
			return strings.TrimRight(f.render(r, fields), "\n")
		}},
		{"far down", func(r *rand.Rand, f format, fields []Field) string {
			return prose(r, 2000) + f.render(r, fields)
		}},
		{"with carriage returns", func(r *rand.Rand, f format, fields []Field) string {
			return strings.ReplaceAll(f.render(r, fields), "\n", "\r\n")
		}},
		{"on a long line", func(r *rand.Rand, f format, fields []Field) string {
			return strings.ReplaceAll(prose(r, 300), "\n", " ") + "\n" + f.render(r, fields)
		}},
	}
	if n > 1 {
		all = append(all, place{"400 lines apart", func(r *rand.Rand, f format, fields []Field) string {
			var out strings.Builder
			for _, field := range fields {
				out.WriteString(f.render(r, []Field{field}) + "\n" + prose(r, 400))
			}
			return out.String()
		}})
	}
	return all
}

// prose returns n lines of text without anything that looks like a secret.
func prose(r *rand.Rand, n int) string {
	words := strings.Fields("the service reads its settings at start and writes a line for each request to the log that the agent sends on every " +
		"minute so people may look for what went wrong after a release or before one when a queue grows longer than it should be")
	var out strings.Builder
	for i := range n {
		fmt.Fprintf(&out, "# %d:", i)
		for range 6 + r.IntN(8) {
			out.WriteString(" " + draw(r, words))
		}
		out.WriteByte('\n')
	}
	return out.String()
}

// PlantBehindLongLine plants a pair of keys behind a single line of n bytes.
func (c *Corpus) PlantBehindLongLine(n int) error {
	fields := pair(c.random, "AKIA")
	line := strings.Repeat("var a=function(b){return b+1};", n/30) + "\n"
	env := formats()[0]
	return c.writePlain(env, "behind a long line", line+env.render(c.random, fields), fields)
}

func (c *Corpus) writePlain(f format, place, text string, fields []Field) error {
	var labels []Label
	for _, field := range fields {
		before, _, found := strings.Cut(text, field.Value)
		if !found {
			return fmt.Errorf("file %s has no value of %s", f.name, field.Family)
		}
		labels = append(labels, Label{
			Line: 1 + strings.Count(before, "\n"), Family: field.Family, Value: field.Value,
			Format: f.name, Place: place, Coding: "plain", Optional: field.Optional,
		})
	}
	return c.write(f, []byte(text), labels)
}
