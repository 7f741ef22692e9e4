package main

import (
	"bytes"
	"io"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

func TestWrongArgumentsSayWhatToGive(t *testing.T) {
	for _, row := range []struct {
		name string
		s    settings
		want string
	}{
		{"no image", settings{platforms: "linux/amd64"}, "give --manager, --scanner or both"},
		{"a digest", settings{platforms: "linux/amd64", references: map[string]string{"manager": "a@sha256:" + strings.Repeat("0", 64)}}, "give REPOSITORY:TAG"},
		{"capitals in a repository", settings{platforms: "linux/amd64", references: map[string]string{"manager": "registry.example.com/ScanJob"}}, "give REPOSITORY:TAG"},
		{"another system", settings{platforms: "windows/amd64"}, "give linux/ARCHITECTURE"},
		{"no architecture", settings{platforms: "linux"}, "give linux/ARCHITECTURE"},
		{"no platform", settings{platforms: ""}, "give linux/ARCHITECTURE"},
		{"an architecture that Go has not", settings{platforms: "linux/pdp11", references: map[string]string{"manager": "a:b"}, source: "../..", folder: t.TempDir()}, "unsupported GOOS/GOARCH"},
	} {
		t.Run(row.name, func(t *testing.T) {
			var output bytes.Buffer
			err := run(t.Context(), row.s, os.Getenv, &output)
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("error %v, want one with %q", err, row.want)
			}
		})
	}
}

// tinyImage is an image without a program, for what is asked of registries.
func tinyImage(t *testing.T) built {
	t.Helper()
	image := mutate.MediaType(empty.Image, types.OCIManifestSchema1)
	platform := v1.Platform{OS: "linux", Architecture: "amd64"}
	index := mutate.AppendManifests(mutate.IndexMediaType(empty.Index, types.OCIImageIndex), mutate.IndexAddendum{Add: image})
	return built{program: programs()[0], index: index, images: []platformImage{{platform: platform, image: image, sbom: []byte("{}")}}}
}

// quiet keeps a registry from printing each request.
func quiet() registry.Option { return registry.Logger(log.New(io.Discard, "", 0)) }

// serveLocked returns the address of a registry that asks for the login that ECR gives: user AWS and a password.
func serveLocked(t *testing.T) string {
	t.Helper()
	inner := registry.New(registry.WithReferrersSupport(true), quiet())
	return serveRegistry(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, ok := r.BasicAuth(); !ok || user != "AWS" || password != "right" {
			w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		inner.ServeHTTP(w, r)
	}))
}

// checkPush pushes to a locked registry with the login that the environment leads to.
func checkPush(t *testing.T, host string, environment func(string) string) {
	t.Helper()
	tag, err := parseTag(host + "/scanjob-manager:test")
	if err != nil {
		t.Fatal(err)
	}
	if err := tinyImage(t).push(t.Context(), tag, keychain(environment)); err != nil {
		t.Fatal(err)
	}
	login := remote.WithAuth(authn.FromConfig(authn.AuthConfig{Username: "AWS", Password: "right"}))
	if _, err := remote.Index(tag, login); err != nil {
		t.Errorf("the image is not in the registry: %v", err)
	}
}

// setupHelper writes a Docker configuration that names a credential helper for the registry, and the helper, which speaks as
// docker-credential-ecr-login does and knows no other registry.
func setupHelper(t *testing.T, host, password string) {
	t.Helper()
	folder := t.TempDir()
	helper := "#!/bin/sh\nread -r host\n[ \"$1\" = get ] && [ \"$host\" = '" + host + "' ] || exit 1\n" +
		`echo '{"ServerURL":"` + host + `","Username":"AWS","Secret":"` + password + `"}'` + "\n"
	if err := os.WriteFile(filepath.Join(folder, "docker-credential-test-login"), []byte(helper), 0o700); err != nil {
		t.Fatal(err)
	}
	config := `{"credHelpers":{"` + host + `":"test-login"}}`
	if err := os.WriteFile(filepath.Join(folder, "config.json"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DOCKER_CONFIG", folder)
	t.Setenv("PATH", folder+string(os.PathListSeparator)+os.Getenv("PATH"))
}

func TestTheRegistrysLoginIsTakenFromACredentialHelper(t *testing.T) {
	host := serveLocked(t)
	none := func(string) string { return "" }
	setupHelper(t, host, "right")
	checkPush(t, host, none)
	setupHelper(t, host, "wrong")
	tag, err := parseTag(host + "/scanjob-manager:test")
	if err != nil {
		t.Fatal(err)
	}
	if err := tinyImage(t).push(t.Context(), tag, keychain(none)); err == nil || !strings.Contains(err.Error(), "does not let this login push") {
		t.Errorf("error %v, want that the registry refuses the helper's login", err)
	}
}

func TestTheRegistrysLoginIsTakenFromTheEnvironment(t *testing.T) {
	host := serveLocked(t)
	environment := func(password string) func(string) string {
		return func(name string) string { return map[string]string{envUser: "AWS", envPassword: password}[name] }
	}
	checkPush(t, host, environment("right"))
	tag, err := parseTag(host + "/scanjob-manager:test")
	if err != nil {
		t.Fatal(err)
	}
	err = tinyImage(t).push(t.Context(), tag, keychain(environment("wrong")))
	if err == nil || !strings.Contains(err.Error(), "does not let this login push to scanjob-manager") || !strings.Contains(err.Error(), envPassword) {
		t.Errorf("error %v, want one that says how to log in", err)
	}
}

func TestARepositoryThatIsNotThereIsNamed(t *testing.T) {
	host := serveRegistry(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v2/" {
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"errors":[{"code":"NAME_UNKNOWN","message":"The repository does not exist"}]}`))
		}
	}))
	tag, err := parseTag(host + "/missing:test")
	if err != nil {
		t.Fatal(err)
	}
	err = tinyImage(t).push(t.Context(), tag, authn.DefaultKeychain)
	if err == nil || !strings.Contains(err.Error(), "has no repository missing; create it first") {
		t.Errorf("error %v, want one that names the repository", err)
	}
}

// Registries without the referrers API keep what refers to an image under a tag of its digest.
func TestAnOldRegistryGetsTheSBOMToo(t *testing.T) {
	host := serveRegistry(t, registry.New(quiet()))
	tag, err := parseTag(host + "/scanjob-manager:test")
	if err != nil {
		t.Fatal(err)
	}
	made := tinyImage(t)
	if err := made.push(t.Context(), tag, authn.DefaultKeychain); err != nil {
		t.Fatal(err)
	}
	digest, err := made.images[0].image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	referrers, err := remote.Referrers(tag.Context().Digest(digest.String()))
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := referrers.IndexManifest()
	if err != nil || len(manifest.Manifests) != 1 {
		t.Errorf("what refers to the image is %+v: %v", manifest, err)
	}
}
