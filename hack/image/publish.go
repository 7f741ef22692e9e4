package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// The variables of the environment that hold the login of the registry.
const (
	envUser     = "REGISTRY_USERNAME"
	envPassword = "REGISTRY_PASSWORD" // #nosec G101 -- the name of a variable
)

// parseTag reads the name of an image. A digest is refused: it is what comes out.
func parseTag(reference string) (name.Tag, error) {
	tag, err := name.NewTag(reference)
	if err != nil {
		return name.Tag{}, fmt.Errorf("%q is no name of an image to build; give REPOSITORY:TAG: %w", reference, err)
	}
	return tag, nil
}

// keychain is the login of the environment where there is one, else that of docker login, podman login or a credential
// helper in Docker's configuration.
func keychain(environment func(string) string) authn.Keychain {
	if user := environment(envUser); user != "" {
		return login{authn.FromConfig(authn.AuthConfig{Username: user, Password: environment(envPassword)})}
	}
	return authn.DefaultKeychain
}

// login is one login for every registry that is asked for, which are those of the names that the user gave.
type login struct{ authenticator authn.Authenticator }

// Resolve returns the login.
func (l login) Resolve(authn.Resource) (authn.Authenticator, error) { return l.authenticator, nil }

// write replaces the image layout in folder/PROGRAM, and the SBOMs beside it.
func (b built) write(folder string, tag name.Tag) error {
	target := filepath.Join(folder, b.program.name)
	if err := os.RemoveAll(target); err != nil {
		return fmt.Errorf("remove what was there before: %w", err)
	}
	path, err := layout.Write(target, empty.Index)
	if err != nil {
		return err
	}
	if err := path.AppendIndex(b.index, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": tag.String()})); err != nil {
		return err
	}
	for _, one := range b.images {
		file := filepath.Join(folder, fmt.Sprintf("%s-%s-%s.cdx.json", b.program.name, one.platform.OS, one.platform.Architecture))
		if err := os.WriteFile(file, one.sbom, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// push pushes the SBOMs, and last the image under its tag, so that what the tag names is complete.
func (b built) push(ctx context.Context, tag name.Tag, keys authn.Keychain) error {
	options := []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(keys), remote.WithUserAgent("scanjob-image")}
	for _, one := range b.images {
		digest, err := one.image.Digest()
		if err != nil {
			return err
		}
		if err := remote.Write(tag.Context().Digest(digest.String()), one.image, options...); err != nil {
			return explain(tag, err)
		}
		referrer, err := newReferrer(one)
		if err != nil {
			return err
		}
		if digest, err = referrer.Digest(); err != nil {
			return err
		}
		if err := remote.Write(tag.Context().Digest(digest.String()), referrer, options...); err != nil {
			return explain(tag, err)
		}
	}
	return explain(tag, remote.WriteIndex(tag, b.index, options...))
}

// explain adds what to do to a registry's refusal.
func explain(tag name.Tag, err error) error {
	var refused *transport.Error
	if !errors.As(err, &refused) {
		return err
	}
	switch refused.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("%s does not let this login push to %s: log in with docker or podman, or set %s and %s: %w",
			tag.RegistryStr(), tag.RepositoryStr(), envUser, envPassword, err)
	case http.StatusNotFound:
		return fmt.Errorf("%s has no repository %s; create it first where the registry does not do so by itself, as ECR: %w",
			tag.RegistryStr(), tag.RepositoryStr(), err)
	}
	return err
}

// describe prints the image by its digest, which is what should be installed, and what each platform has to pull.
func (b built) describe(stdout io.Writer, tag name.Tag, pushed bool) error {
	digest, err := b.index.Digest()
	if err != nil {
		return err
	}
	verb := "built"
	if pushed {
		verb = "pushed"
	}
	fmt.Fprintf(stdout, "%s %s@%s\n", verb, tag, digest)
	for _, one := range b.images {
		fmt.Fprintf(stdout, "  %-12s %5.1f MB compressed\n", one.platform, megabytes(one.compressed))
	}
	return nil
}
