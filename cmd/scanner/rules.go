package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/detect"
	"github.com/scanjob-dev/scanjob/scanner/failure"
	"github.com/scanjob-dev/scanjob/scanner/scan"
)

func (p *program) rulesCommand() *cobra.Command {
	var set string
	rules := &cobra.Command{
		Use:   "rules",
		Short: "List, explain and test the rules",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			engine, err := newEngine(set)
			if err != nil {
				return err
			}
			return listRules(p.stdout, engine.Rules())
		},
	}
	explain := &cobra.Command{
		Use:   "explain RULE",
		Short: "Say what a rule finds and what to do about it",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, arguments []string) error {
			engine, err := newEngine(set)
			if err != nil {
				return err
			}
			for _, rule := range engine.Rules() {
				if rule.ID == arguments[0] {
					return explainRule(p.stdout, rule)
				}
			}
			return failure.Request(nil, "there is no rule %q; `scanner rules` lists them", arguments[0])
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			engine, err := newEngine(set)
			if err != nil {
				return nil, cobra.ShellCompDirectiveError
			}
			var ids []string
			for _, rule := range engine.Rules() {
				ids = append(ids, rule.ID)
			}
			return ids, cobra.ShellCompDirectiveNoFileComp
		},
	}
	test := &cobra.Command{
		Use:   "test FILE",
		Short: "Say which rules match in a file, line by line",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, arguments []string) error {
			return p.untilSignal(func(ctx context.Context) error { return p.testRules(ctx, set, arguments[0]) })
		},
	}
	rules.PersistentFlags().StringVarP(&set, "rules", "r", rulesAll, "rules: all, aws, or a file in the form of gitleaks' configuration")
	rules.AddCommand(explain, test)
	return rules
}

func listRules(w io.Writer, rules []detect.Rule) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "RULE\tSEVERITY\tWHAT")
	for _, rule := range rules {
		fmt.Fprintf(table, "%s\t%s\t%s\n", rule.ID, rule.Severity, rule.Description)
	}
	return table.Flush()
}

func explainRule(w io.Writer, rule detect.Rule) error {
	_, err := fmt.Fprintf(w, "%s\n\n  What:        %s\n  Severity:    %s\n  What to do:  %s\n", rule.ID, rule.Description, rule.Severity, rule.Advice)
	for _, link := range rule.Links {
		if err == nil {
			_, err = fmt.Fprintf(w, "  See:         %s\n", link)
		}
	}
	return err
}

// testRules prints the findings of a file, by line.
func (p *program) testRules(ctx context.Context, set, path string) error {
	engine, err := newEngine(set)
	if err != nil {
		return err
	}
	result, err := scan.Directory(ctx, path, scan.DirectoryOptions{Engine: engine, Workers: 1})
	if err != nil {
		return err
	}
	if len(result.Findings) == 0 {
		_, err := fmt.Fprintln(p.stdout, "no rule matches")
		return err
	}
	p.code = contract.ExitFindings
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "LINE\tRULE\tSEVERITY\tPREVIEW")
	for _, finding := range result.Findings {
		where := fmt.Sprint(finding.Line)
		if _, inner, ok := strings.Cut(finding.Path, "!"); ok {
			where = inner + ":" + where
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", where, finding.Rule, finding.Severity, finding.Preview)
	}
	return table.Flush()
}
