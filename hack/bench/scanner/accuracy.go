package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/scanjob-dev/scanjob/hack/bench/corpus"
)

// accuracy measures recall and precision on planted corpora, one of AWS' families and one of all others, of several seeds
// together.
func (b *bench) accuracy(ctx context.Context) error {
	configuration, err := gitleaksConfiguration(ctx, b.root)
	if err != nil {
		return err
	}
	others, err := corpus.Gitleaks(configuration)
	if err != nil {
		return err
	}
	aws, err := b.judge(ctx, "aws", corpus.AWS(), 60, "aws")
	if err != nil {
		return err
	}
	b.add(figure{Name: "planted corpus, AWS families: recall", Ours: aws.ours.Recall(), Must: 0.99, Aim: 1, Least: true, Detail: aws.peers(corpus.Score.Recall)})
	b.add(figure{Name: "planted corpus, AWS families: precision", Ours: aws.ours.Precision(), Must: 0.98, Aim: 1, Least: true, Detail: aws.peers(corpus.Score.Precision)})
	rest, err := b.judge(ctx, "others", others, 10, "all")
	if err != nil {
		return err
	}
	b.add(figure{
		Name: "planted corpus, all other families: recall, gitleaks' is the bound", Ours: rest.ours.Recall(), Must: rest.gitleaks.Recall(), Aim: 1, Least: true,
		Detail: rest.peers(corpus.Score.Recall),
	})
	b.add(figure{
		Name: "planted corpus, all other families: precision, gitleaks' is the bound", Ours: rest.ours.Precision(), Must: rest.gitleaks.Precision(), Aim: 1, Least: true,
		Detail: rest.peers(corpus.Score.Precision),
	})
	return nil
}

// scores are of one corpus.
type scores struct{ ours, gitleaks, withArchives corpus.Score }

func (s scores) peers(of func(corpus.Score) float64) string {
	return fmt.Sprintf("of %d planted; gitleaks %.3f, with archives %.3f", s.ours.Planted, of(s.gitleaks), of(s.withArchives))
}

func (b *bench) judge(ctx context.Context, name string, families []corpus.Family, each int, rules string) (scores, error) {
	var labels []corpus.Label
	var found [3][]corpus.Finding
	for _, seed := range b.seeds {
		tree, planted, err := b.plant(name, seed, families, each)
		if err != nil {
			return scores{}, err
		}
		prefix := fmt.Sprintf("%d/", seed)
		for _, label := range planted {
			label.Path = prefix + label.Path
			labels = append(labels, label)
		}
		for i, scanner := range []struct {
			command command
			read    func([]byte, string) ([]corpus.Finding, error)
		}{
			{b.programs.oursIn(tree, rules), ourFindings},
			{gitleaksIn(b.programs.gitleaks, tree), gitleaksFindings},
			{gitleaksIn(b.programs.gitleaks, tree, "--max-archive-depth", "3"), gitleaksFindings},
		} {
			done, err := runOnce(ctx, scanner.command)
			if err != nil {
				return scores{}, err
			}
			findings, err := scanner.read(done.Output, tree)
			if err != nil {
				return scores{}, err
			}
			for _, finding := range findings {
				finding.Path = prefix + finding.Path
				found[i] = append(found[i], finding)
			}
		}
	}
	s := scores{corpus.Judge(labels, found[0]), corpus.Judge(labels, found[1]), corpus.Judge(labels, found[2])}
	return s, b.writeMisses(name, s)
}

// plant makes the corpus of the seed anew: it takes a moment, and the generator may have changed.
func (b *bench) plant(name string, seed uint64, families []corpus.Family, each int) (tree string, labels []corpus.Label, err error) {
	folder := filepath.Join(b.work, "corpus", fmt.Sprintf("%s-%d", name, seed))
	if err := os.RemoveAll(folder); err != nil {
		return "", nil, err
	}
	c, err := corpus.New(filepath.Join(folder, "tree"), seed)
	if err != nil {
		return "", nil, err
	}
	if err := c.Plant(families, each); err != nil {
		return "", nil, err
	}
	if err := c.PlantLookAlikes(20); err != nil {
		return "", nil, err
	}
	if name == "aws" {
		const longLine = 9 << 20
		if err := c.PlantBehindLongLine(longLine); err != nil {
			return "", nil, err
		}
	}
	return c.Tree, c.Labels, c.WriteLabels(filepath.Join(folder, "labels.json"))
}

// writeMisses writes what our scanner missed and what it reported wrongly beside the corpora, for people who mend it.
func (b *bench) writeMisses(name string, s scores) error {
	var out strings.Builder
	for _, family := range s.ours.Families {
		theirs := 0
		for _, f := range s.gitleaks.Families {
			if f.Family == family.Family {
				theirs = f.Found
			}
		}
		note := ""
		if family.Found < theirs {
			note = "  <- fewer than gitleaks"
		}
		fmt.Fprintf(&out, "%-50s planted %4d  ours %4d  gitleaks %4d%s\n", family.Family, family.Planted, family.Found, theirs, note)
	}
	for _, label := range s.ours.Missed {
		fmt.Fprintf(&out, "missed %s in %s, %s, %s: %s:%d\n", label.Family, label.Format, label.Place, label.Coding, label.Path, label.Line)
	}
	for _, finding := range s.ours.WrongOnes {
		fmt.Fprintf(&out, "wrong %s: %s:%d\n", finding.Rule, finding.Path, finding.From)
	}
	return os.WriteFile(filepath.Join(b.work, "accuracy-"+name+".txt"), []byte(out.String()), 0o600)
}

func gitleaksConfiguration(ctx context.Context, root string) (string, error) {
	listed, err := runOnce(ctx, command{
		name: "go", arguments: []string{"list", "-m", "-f", "{{.Dir}}", "github.com/zricethezav/gitleaks/v8"}, folder: filepath.Join(root, "hack", "bench", "peers"),
	})
	return filepath.Join(strings.TrimSpace(string(listed.Output)), "config", "gitleaks.toml"), err
}
