package triggers

import (
	"testing"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
)

func TestWantsPath(t *testing.T) {
	for name, test := range map[string]struct {
		paths, ignore []string
		path          string
		want          bool
	}{
		"without patterns every file counts":             {nil, nil, "README.md", true},
		"a file that matches":                            {[]string{"src/**"}, nil, "src/a/b.go", true},
		"a file that does not":                           {[]string{"src/**"}, nil, "docs/a.md", false},
		"a star does not cross a slash":                  {[]string{"*.go"}, nil, "src/a.go", false},
		"two stars stand for no folder too":              {[]string{"**/*.go"}, nil, "a.go", true},
		"a file that is ignored":                         {nil, []string{"**/*.md"}, "docs/a.md", false},
		"a file that is not ignored":                     {nil, []string{"docs/**"}, "src/a.go", true},
		"a file that matches both":                       {[]string{"src/**"}, []string{"**/*.md"}, "src/a.md", false},
		"a pattern that cannot be read, wants all":       {[]string{"src/[a"}, nil, "docs/a.md", true},
		"a pattern that cannot be read, ignores nothing": {nil, []string{"{docs/**"}, "docs/a.md", true},
		"a name with what a pattern would read":          {[]string{"src/**"}, nil, "src/[a]{b}*.go", true},
	} {
		t.Run(name, func(t *testing.T) {
			spec := &v1alpha1.ScanTriggerSpec{Paths: test.paths, PathsIgnore: test.ignore}
			if got := WantsPath(spec, test.path); got != test.want {
				t.Errorf("%v, want %v", got, test.want)
			}
			if got, want := LooksAtPaths(spec), test.paths != nil || test.ignore != nil; got != want {
				t.Errorf("LooksAtPaths = %v", got)
			}
		})
	}
}
