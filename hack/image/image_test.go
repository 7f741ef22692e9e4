package main

import (
	"archive/tar"
	"bytes"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/scanjob-dev/scanjob/internal/testplane"
)

// shelf is a registry that holds the images of this commit, pushed by the program as a user would.
type shelf struct {
	host   string
	folder string
	output string
}

// tag names an image on the shelf.
func (s shelf) tag(program string) string { return s.host + "/scanjob-" + program + ":test" }

// testPlatforms are what the images on the shelf are for. One program for the platforms of a release is enough: the
// manager's takes much longer to link and to compress, and is made by the same steps.
func testPlatforms(program string) string {
	if program == "scanner" {
		return "linux/amd64,linux/arm64"
	}
	return "linux/amd64"
}

// repository is where the sources are.
func repository(t *testing.T) string {
	t.Helper()
	path, err := testplane.ModuleRoot()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// stock builds and pushes the images once for all tests here; a build takes most of their time.
func stock(t *testing.T) shelf {
	t.Helper()
	s := shelf{host: serveRegistry(t, registry.New(registry.WithReferrersSupport(true), quiet())), folder: t.TempDir()}
	var output bytes.Buffer
	for _, p := range programs() {
		err := run(t.Context(), settings{
			references: map[string]string{p.name: s.tag(p.name)},
			platforms:  testPlatforms(p.name), source: repository(t), folder: s.folder, push: true,
		}, func(string) string { return "" }, &output)
		if err != nil {
			t.Fatal(err)
		}
	}
	s.output = output.String()
	return s
}

// serveRegistry returns host:port.
func serveRegistry(t *testing.T, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// pull returns the image for one platform as a registry's client gets it.
func (s shelf) pull(t *testing.T, program string, platform v1.Platform) (name.Tag, v1.Image) {
	t.Helper()
	tag, err := name.NewTag(s.tag(program))
	if err != nil {
		t.Fatal(err)
	}
	image, err := remote.Image(tag, remote.WithPlatform(platform))
	if err != nil {
		t.Fatal(err)
	}
	return tag, image
}

// pullAll returns an image of the shelf for all platforms, and its digest.
func (s shelf) pullAll(t *testing.T, program string) (v1.ImageIndex, name.Digest) {
	t.Helper()
	tag, err := name.NewTag(s.tag(program))
	if err != nil {
		t.Fatal(err)
	}
	index, err := remote.Index(tag)
	if err != nil {
		t.Fatal(err)
	}
	digest, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return index, tag.Context().Digest(digest.String())
}

// TestImages builds the images once and looks at all sides of them.
func TestImages(t *testing.T) {
	s := stock(t)
	for _, p := range programs() {
		t.Run("the "+p.name, func(t *testing.T) {
			index, digest := s.pullAll(t, p.name)
			manifest, err := index.IndexManifest()
			if err != nil {
				t.Fatal(err)
			}
			var platforms []string
			for _, one := range manifest.Manifests {
				platforms = append(platforms, one.Platform.String())
				image, err := index.Image(one.Digest)
				if err != nil {
					t.Fatal(err)
				}
				t.Run(one.Platform.String(), func(t *testing.T) {
					checkSize(t, image)
					checkConfig(t, p, image, one.Platform)
					checkContent(t, p, image, one.Platform)
					checkSBOM(t, s, p, digest.Context().Digest(one.Digest.String()), one.Platform)
				})
			}
			if got := strings.Join(platforms, ","); got != testPlatforms(p.name) {
				t.Errorf("the image is for %s, want %s", got, testPlatforms(p.name))
			}
			if title := manifest.Annotations["org.opencontainers.image.title"]; title != "scanjob-"+p.name {
				t.Errorf("the index's title is %q", title)
			}
			if want := "pushed " + s.tag(p.name) + "@" + digest.DigestStr(); !strings.Contains(s.output, want) {
				t.Errorf("the program printed\n%s, want %s", s.output, want)
			}
			checkLayout(t, filepath.Join(s.folder, p.name), digest)
		})
	}
	t.Run("a second build, elsewhere, is the same", func(t *testing.T) { checkSecondBuild(t, s) })
	t.Run("the scanner's fits the task definition", func(t *testing.T) { checkTaskDefinition(t, s) })
	t.Run("they run", func(t *testing.T) { checkRun(t, s) })
}

func checkSize(t *testing.T, image v1.Image) {
	t.Helper()
	size, err := compressedSize(image)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%.1f MB compressed", megabytes(size))
	if size > 25_000_000 {
		t.Errorf("%.1f MB compressed, want 25 at most", megabytes(size))
	}
}

func checkConfig(t *testing.T, p program, image v1.Image, platform *v1.Platform) {
	t.Helper()
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.Platform().String() != platform.String() {
		t.Errorf("the config is for %s", config.Platform())
	}
	if config.Config.User != "65532:65532" || !slices.Equal(config.Config.Entrypoint, []string{"/" + p.name}) || len(config.Config.Cmd) != 0 {
		t.Errorf("it runs %v %v as %q", config.Config.Entrypoint, config.Config.Cmd, config.Config.User)
	}
	if _, volume := config.Config.Volumes["/work"]; volume != (p.name == "scanner") || slices.Contains(config.Config.Env, "SCANJOB_WORKDIR=/work") != volume {
		t.Errorf("volumes %v, environment %v", config.Config.Volumes, config.Config.Env)
	}
	for key, want := range map[string]string{
		"title": "scanjob-" + p.name, "source": "https://github.com/scanjob-dev/scanjob", "licenses": "Apache-2.0",
		"created": config.Created.UTC().Format(time.RFC3339),
	} {
		if got := config.Config.Labels["org.opencontainers.image."+key]; got != want {
			t.Errorf("label %s is %q, want %q", key, got, want)
		}
	}
	for _, key := range []string{"description", "version"} {
		if config.Config.Labels["org.opencontainers.image."+key] == "" {
			t.Errorf("there is no label %s", key)
		}
	}
}

// checkTaskDefinition compares the scanner's image with how config/aws runs it: Fargate gives a volume the owner that the
// image's folder of the same path has, if the image declares it, and what the scanner writes goes to where the image says.
func checkTaskDefinition(t *testing.T, s shelf) {
	_, image := s.pull(t, "scanner", v1.Platform{OS: "linux", Architecture: "arm64"})
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	objects, err := testplane.Kustomize("aws/ecs")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, object := range objects {
		if object.GetKind() != "TaskDefinition" {
			continue
		}
		text, err := json.Marshal(object.Object["spec"])
		if err != nil {
			t.Fatal(err)
		}
		var spec struct {
			ContainerDefinitions []struct {
				User        string
				MountPoints []struct{ ContainerPath string }
			}
		}
		if err := json.Unmarshal(text, &spec); err != nil {
			t.Fatal(err)
		}
		for _, container := range spec.ContainerDefinitions {
			for _, mount := range container.MountPoints {
				seen++
				_, declared := config.Config.Volumes[mount.ContainerPath]
				if !declared || !slices.Contains(config.Config.Env, "SCANJOB_WORKDIR="+mount.ContainerPath) || container.User != config.Config.User {
					t.Errorf("the task definition mounts %s for user %q; the image has volumes %v, environment %v and user %q",
						mount.ContainerPath, container.User, config.Config.Volumes, config.Config.Env, config.Config.User)
				}
			}
		}
	}
	if seen != 1 {
		t.Errorf("config/aws/ecs mounts %d folders, want 1", seen)
	}
}

// checkContent looks at every file of the image.
func checkContent(t *testing.T, p program, image v1.Image, platform *v1.Platform) {
	t.Helper()
	content := mutate.Extract(image)
	defer content.Close()
	archive := tar.NewReader(content)
	files := map[string]tar.Header{}
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		files[header.Name] = *header
		if header.Name != p.name {
			continue
		}
		text, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		checkProgram(t, p, text, platform)
	}
	want := []string{p.name}
	if p.name == "scanner" {
		want = append(want, "work")
		if work := files["work"]; work.Typeflag != tar.TypeDir || work.Uid != 65532 || work.Gid != 65532 || work.Mode != 0o755 {
			t.Errorf("/work is %+v", work)
		}
	}
	if binary := files[p.name]; binary.Mode != 0o555 || binary.Uid != 0 || binary.Gid != 0 {
		t.Errorf("the program is %+v; it must not be able to change itself", binary)
	}
	var got []string
	for name := range files {
		got = append(got, strings.TrimSuffix(name, "/"))
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the image holds %v, want %v", got, want)
	}
}

// checkProgram looks at how the program was built, and that it brings along what an image from scratch has not.
func checkProgram(t *testing.T, p program, text []byte, platform *v1.Platform) {
	t.Helper()
	info, err := buildinfo.Read(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	settings := map[string]string{}
	for _, setting := range info.Settings {
		settings[setting.Key] = setting.Value
	}
	if info.Path != modulePath+"/cmd/"+p.name || settings["GOARCH"] != platform.Architecture || settings["GOOS"] != "linux" {
		t.Errorf("the program is %s for %s/%s", info.Path, settings["GOOS"], settings["GOARCH"])
	}
	if settings["CGO_ENABLED"] != "0" || settings["-trimpath"] != "true" {
		t.Errorf("the program was built with %v", settings)
	}
	roots := slices.ContainsFunc(info.Deps, func(m *debug.Module) bool { return m.Path == "golang.org/x/crypto/x509roots/fallback" })
	if !roots {
		t.Error("the program has no root certificates, so it cannot speak TLS in this image")
	}
	if bytes.Contains(text, []byte(repository(t))) {
		t.Error("the program holds the folder that it was built in")
	}
}

// checkSBOM finds the SBOM in the registry as scanners do: by what refers to the image.
func checkSBOM(t *testing.T, s shelf, p program, image name.Digest, platform *v1.Platform) {
	t.Helper()
	referrers, err := remote.Referrers(image)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := referrers.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if len(manifest.Manifests) != 1 || manifest.Manifests[0].ArtifactType != "application/vnd.cyclonedx+json" {
		t.Fatalf("what refers to the image is %+v", manifest.Manifests)
	}
	artifact, err := remote.Image(image.Context().Digest(manifest.Manifests[0].Digest.String()))
	if err != nil {
		t.Fatal(err)
	}
	layers, err := artifact.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatalf("%d layers: %v", len(layers), err)
	}
	reader, err := layers[0].Compressed()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	text, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	var bom cdx.BOM
	if err := cdx.NewBOMDecoder(bytes.NewReader(text), cdx.BOMFileFormatJSON).Decode(&bom); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(bom.Metadata.Component.PackageURL, "pkg:golang/github.com/scanjob-dev/scanjob") {
		t.Errorf("the SBOM is of %s", bom.Metadata.Component.PackageURL)
	}
	for _, module := range []string{"std", "github.com/aws/aws-sdk-go-v2"} {
		if !slices.ContainsFunc(*bom.Components, func(c cdx.Component) bool { return c.Name == module && c.Version != "" && c.PackageURL != "" }) {
			t.Errorf("the SBOM does not list %s", module)
		}
	}
	file, err := os.ReadFile(filepath.Join(s.folder, fmt.Sprintf("%s-%s-%s.cdx.json", p.name, platform.OS, platform.Architecture)))
	if err != nil || !bytes.Equal(file, text) {
		t.Errorf("the SBOM in the folder is another one: %v", err)
	}
}

// checkLayout reads what is left in the folder for other tools.
func checkLayout(t *testing.T, folder string, digest name.Digest) {
	t.Helper()
	index, err := layout.ImageIndexFromPath(folder)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if len(manifest.Manifests) != 1 || manifest.Manifests[0].Digest.String() != digest.DigestStr() {
		t.Errorf("the folder holds %+v, want %s", manifest.Manifests, digest)
	}
}
