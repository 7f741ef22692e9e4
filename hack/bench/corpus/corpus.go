// Package corpus makes folders of files with planted secrets, all drawn from a seed, and says where each of them is. They
// are what recall and precision of a scanner are measured with. No secret in them was issued by anybody.
package corpus

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Label says that a secret was planted. What has no label is no secret.
type Label struct {
	// Path is relative to the tree; the path inside an archive follows the archive's own after an exclamation mark.
	Path string `json:"path"`
	// Line is counted from 1, in the file as it lies on disk.
	Line int `json:"line"`
	// Family is the kind of the secret: one of AWS below, or the identifier of gitleaks' rule for it.
	Family string `json:"family"`
	// Value is the secret itself: the labels lie outside of the tree.
	Value string `json:"value"`
	// Format, Place and Coding say how it was planted, to see what a scanner misses.
	Format string `json:"format"`
	Place  string `json:"place"`
	Coding string `json:"coding"`
	// Optional is true for what may be reported and need not be, such as the account number in a user name.
	Optional bool `json:"optional,omitempty"`
}

// Corpus is a tree on disk with what was planted in it.
type Corpus struct {
	// Tree is the folder to scan.
	Tree   string
	Labels []Label
	// LookAlikes counts the values that look like secrets and are none.
	LookAlikes int

	random *rand.Rand
	files  int
}

// Family draws the secrets of one kind.
type Family struct {
	Name string
	// Draw returns the fields of one planting: the secret and what belongs to it, such as the id of a key pair.
	Draw func(*rand.Rand) ([]Field, error)
	// File is set instead for secrets that only stand in a certain kind of file: its name, its text, and what is in it.
	File func(*rand.Rand) (name, text string, fields []Field)
}

// Field is a value with its name in words, such as "aws secret access key".
type Field struct {
	Name, Value string
	// Family is empty for a field that is no secret.
	Family string
	// Optional is true for a value that may be reported and need not be.
	Optional bool
	// Verbatim is a line of its own that already holds the value, for secrets which only ever stand in such a line.
	Verbatim string
}

// New returns an empty corpus whose tree is the folder, which must not exist.
func New(folder string, seed uint64) (*Corpus, error) {
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		return nil, err
	}
	if err := os.Mkdir(folder, 0o755); err != nil {
		return nil, err
	}
	return &Corpus{Tree: folder, random: rand.New(rand.NewPCG(seed, 0x5ca17))}, nil
}

// WriteLabels writes the labels as JSON.
func (c *Corpus) WriteLabels(path string) error {
	data, err := json.MarshalIndent(c.Labels, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o600)
}

// Plant plants n secrets of each family: in every format in turn, mostly in the plain, now and then at an odd place, in an
// odd coding or in an archive.
func (c *Corpus) Plant(families []Family, n int) error {
	all := formats()
	for _, family := range families {
		for range n {
			if family.File != nil {
				name, text, fields := family.File(c.random)
				f := format{name: name, file: func(*rand.Rand) string { return name }}
				if err := c.writePlain(f, "in its file", text, fields); err != nil {
					return err
				}
				continue
			}
			fields, err := family.Draw(c.random)
			if err != nil {
				return fmt.Errorf("family %s: %w", family.Name, err)
			}
			if err := c.plant(all[c.files%len(all)], fields); err != nil {
				return fmt.Errorf("family %s: %w", family.Name, err)
			}
		}
	}
	return nil
}

func (c *Corpus) plant(f format, fields []Field) error {
	place := draw(c.random, places(len(fields)))
	text := place.arrange(c.random, f, fields)
	coding := coding{name: "plain", apply: func(text string) []byte { return []byte(text) }}
	if len(text) < 1<<20 && c.random.IntN(8) == 0 {
		coding = draw(c.random, codings())
	}
	values := text
	if slices.ContainsFunc(fields, func(field Field) bool { return field.Verbatim != "" || field.Family == Account }) {
		coding.value = nil // a number in its context is not encoded by itself
	}
	if coding.value != nil {
		for i := range fields {
			if fields[i].Family != "" {
				encoded := coding.value(fields[i].Value)
				values = strings.ReplaceAll(values, fields[i].Value, encoded)
			}
		}
	}
	var labels []Label
	for _, field := range fields {
		if field.Family == "" {
			continue
		}
		shown := field.Value
		if coding.value != nil {
			shown = coding.value(field.Value)
		}
		at := strings.Index(values, shown)
		if at < 0 {
			return fmt.Errorf("format %s lost the value of %s", f.name, field.Family)
		}
		before := values[:at]
		if coding.breaks {
			before = string(coding.apply(before))
		}
		labels = append(labels, Label{
			Line: 1 + strings.Count(before, "\n"), Family: field.Family, Value: field.Value, Format: f.name, Place: place.name, Coding: coding.name,
			Optional: field.Optional,
		})
	}
	return c.write(f, coding.apply(values), labels)
}

// write writes the file with the next name, one in 12 into an archive.
func (c *Corpus) write(f format, content []byte, labels []Label) error {
	c.files++
	path := fmt.Sprintf("%s/%04d/%s", draw(c.random, folders()), c.files, f.file(c.random))
	if len(content) < 1<<20 && c.random.IntN(12) == 0 {
		kind := draw(c.random, archives())
		archive := fmt.Sprintf("%s/%04d/bundle%s", draw(c.random, folders()), c.files, kind.suffix)
		if kind.suffix == ".nested.zip" {
			path = "inner.zip!" + path
		}
		packed, err := kind.pack(path, content)
		if err != nil {
			return err
		}
		for i := range labels {
			labels[i].Place = "in " + kind.suffix
		}
		content, path = packed, archive+"!"+path
	}
	for i := range labels {
		labels[i].Path = path
	}
	c.Labels = append(c.Labels, labels...)
	onDisk, _, _ := strings.Cut(path, "!")
	full := filepath.Join(c.Tree, onDisk)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		return err
	}
	return os.WriteFile(full, content, 0o644)
}

// PlantLookAlikes writes n files of values of each kind that look like secrets and are none.
func (c *Corpus) PlantLookAlikes(n int) error {
	all := formats()
	for _, kind := range lookAlikes() {
		for range n {
			if kind.file != nil {
				name, text := kind.file(c.random)
				c.LookAlikes++
				if err := c.write(format{name: kind.name, file: func(*rand.Rand) string { return name }}, []byte(text), nil); err != nil {
					return err
				}
				continue
			}
			f := all[c.files%len(all)]
			fields := kind.fields(c.random)
			c.LookAlikes += len(fields)
			text := f.render(c.random, fields)
			if err := c.write(f, []byte(text), nil); err != nil {
				return err
			}
		}
	}
	return nil
}

func draw[T any](r *rand.Rand, of []T) T { return of[r.IntN(len(of))] }

func folders() []string {
	return []string{"app", "cmd/server", "deploy", "infra/modules/network", "docs", "scripts", "services/billing", "test/fixtures", "config"}
}
