package api

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/scanjob-dev/scanjob/internal/testplane"
)

// pages are the texts of docs/*.md by their names.
func pages(t *testing.T) map[string]string {
	t.Helper()
	root, err := testplane.ModuleRoot()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no pages (%v)", err)
	}
	found := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found[file] = string(text)
	}
	return found
}

// TestObjectsInTheDocsAreAccepted holds the pages to the API: what a reader copies is taken, without an unknown field.
func TestObjectsInTheDocsAreAccepted(t *testing.T) {
	c, err := client.New(plane.Config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	strict := client.WithFieldValidation(c, metav1.FieldValidationStrict)
	namespace := plane.Namespace(t)
	blocks := regexp.MustCompile("(?s)\n```yaml\n(.*?)\n```")
	tried := 0
	for page, text := range pages(t) {
		for _, block := range blocks.FindAllStringSubmatch(text, -1) {
			for _, document := range strings.Split(block[1], "\n---\n") {
				object := &unstructured.Unstructured{}
				if err := yaml.Unmarshal([]byte(document), &object.Object); err != nil || object.GroupVersionKind().Group != "scanjob.dev" {
					continue
				}
				tried++
				object.SetNamespace(namespace)
				if err := strict.Create(t.Context(), object, client.DryRunAll); err != nil {
					t.Errorf("%s: %s %s: %v", filepath.Base(page), object.GetKind(), object.GetName(), err)
				}
			}
		}
	}
	if tried == 0 {
		t.Error("no page has an object")
	}
	t.Logf("%d objects", tried)
}

// TestLinksInTheDocsLeadSomewhere looks at links from page to page, and to their headings. api.md is generated, and links types
// of other modules that it does not have.
func TestLinksInTheDocsLeadSomewhere(t *testing.T) {
	links := regexp.MustCompile(`\]\(([^)#:]*)(#[^)]*)?\)`)
	for page, text := range pages(t) {
		if filepath.Base(page) == "api.md" {
			continue
		}
		for _, link := range links.FindAllStringSubmatch(text, -1) {
			target := page
			if link[1] != "" {
				target = filepath.Join(filepath.Dir(page), link[1])
			}
			content, err := os.ReadFile(target)
			if info, statErr := os.Stat(target); err != nil && (statErr != nil || !info.IsDir()) {
				t.Errorf("%s links to %s: %v", filepath.Base(page), link[1], errors.Join(err, statErr))
				continue
			}
			if link[2] != "" && !hasHeading(string(content), strings.TrimPrefix(link[2], "#")) {
				t.Errorf("%s links to %s%s, which has no such heading", filepath.Base(page), link[1], link[2])
			}
		}
	}
}

// hasHeading says whether one of a page's headings has the anchor that GitHub gives it, or the page sets that anchor itself.
func hasHeading(text, anchor string) bool {
	dropped := regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	for line := range strings.Lines(text) {
		title, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " ")
		if strings.HasPrefix(line, "#") && ok &&
			strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(strings.TrimSpace(title)), ""), " ", "-") == anchor {
			return true
		}
	}
	return strings.Contains(text, `id="`+anchor+`"`)
}
