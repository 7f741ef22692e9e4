package iam_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scanjob-dev/scanjob/internal/iampolicy"
	"github.com/scanjob-dev/scanjob/internal/testplane"
	"github.com/scanjob-dev/scanjob/test/iam"
)

// permission is a row of the table in docs/iam.md.
type permission struct {
	Role, Action string
	Resources    []string
	Conditions   []string
}

// notRun is what the table says of the code of a permission that the end-to-end suite cannot use.
const notRun = "Fargate, not run here"

// documented reads the table: the permissions, and the code of each.
func documented(t *testing.T) (permissions []permission, code map[iam.Grant]string) {
	t.Helper()
	code = map[iam.Grant]string{}
	for line := range strings.Lines(readFile(t, "docs/iam.md")) {
		if !strings.HasPrefix(line, "| `scanjob-") {
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 6 {
			t.Fatalf("a row of docs/iam.md has %d cells, want 6: %s", len(cells), line)
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		row := permission{Role: plain(cells[0]), Action: plain(cells[1]), Resources: list(cells[2]), Conditions: list(cells[3])}
		grant := iam.Grant{Role: row.Role, Action: row.Action}
		if _, twice := code[grant]; twice {
			t.Errorf("docs/iam.md has %s of %s twice", row.Action, row.Role)
		}
		permissions, code[grant] = append(permissions, row), cells[4]
		if cells[5] == "" {
			t.Errorf("docs/iam.md does not say why %s needs %s", row.Role, row.Action)
		}
	}
	return permissions, code
}

func plain(text string) string { return strings.ReplaceAll(text, "`", "") }

func list(text string) []string {
	if text == "" {
		return nil
	}
	items := strings.Split(plain(text), ", ")
	slices.Sort(items)
	return items
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	root, err := testplane.ModuleRoot()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// short is an ARN without its beginning.
func short(arn string) string {
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 {
		return parts[5]
	}
	return arn
}

// granted reads the policies.
func granted(t *testing.T) (permissions []permission) {
	t.Helper()
	for role, policies := range policiesOf(t, iam.AssumeEnvironments) {
		for _, policy := range policies {
			for _, statement := range policy.Statements {
				for _, action := range statement.Actions {
					permissions = append(permissions, permission{
						Role: role, Action: action, Resources: shortAll(statement.Resources), Conditions: conditions(statement),
					})
				}
			}
		}
	}
	return permissions
}

func shortAll(arns []string) (texts []string) {
	for _, arn := range arns {
		texts = append(texts, short(arn))
	}
	slices.Sort(texts)
	return texts
}

func conditions(statement iampolicy.Statement) (texts []string) {
	for _, c := range statement.Conditions {
		texts = append(texts, c.Key+" = "+strings.Join(shortAll(c.Values), " or "))
	}
	slices.Sort(texts)
	return texts
}

func TestTheDocumentationSaysWhatThePoliciesGrant(t *testing.T) {
	got, _ := documented(t)
	want := granted(t)
	for _, permissions := range [][]permission{got, want} {
		slices.SortFunc(permissions, func(a, b permission) int {
			return strings.Compare(a.Role+" "+a.Action, b.Role+" "+b.Action)
		})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the policies of config/aws/iam (-) and the table of docs/iam.md (+) differ:\n%s", diff)
	}
}

func TestTheDocumentationNamesTheCodeThatUsesAPermission(t *testing.T) {
	_, code := documented(t)
	exempt := iam.NotExercised()
	for grant, where := range code {
		reason, unused := exempt[grant]
		if unused != (where == notRun) {
			t.Errorf("%s of %s: docs/iam.md says %q, and the list of what the suite cannot use says %q", grant.Action, grant.Role, where, reason)
		}
		if unused {
			continue
		}
		file, call, ok := strings.Cut(plain(where), ": ")
		if !ok || call == "" {
			t.Errorf("%s of %s: %q is no file and call", grant.Action, grant.Role, where)
			continue
		}
		if !strings.Contains(readFile(t, file), call) {
			t.Errorf("%s of %s: %s has no %s", grant.Action, grant.Role, file, call)
		}
	}
	for grant := range exempt {
		if _, ok := code[grant]; !ok {
			t.Errorf("%s of %s is in the list of what the suite cannot use, and in no policy", grant.Action, grant.Role)
		}
	}
}
