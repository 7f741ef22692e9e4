package main

import (
	"bytes"
	"fmt"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/CycloneDX/cyclonedx-gomod/pkg/generate/bin"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/rs/zerolog"
)

// sbomMediaType is CycloneDX in JSON, as it is registered with IANA.
const sbomMediaType types.MediaType = "application/vnd.cyclonedx+json"

// newSBOM lists the modules that a program was linked from, Go's standard library included, with their checksums. It is
// read from the program itself, and there is nothing else in the image. It has no time and no serial number, so that it is
// the same each time.
func newSBOM(binary string) ([]byte, error) {
	generator, err := bin.NewGenerator(binary, bin.WithIncludeStdlib(true), bin.WithLogger(zerolog.Nop()))
	if err != nil {
		return nil, fmt.Errorf("list the program's modules: %w", err)
	}
	bom, err := generator.Generate()
	if err != nil {
		return nil, fmt.Errorf("list the program's modules: %w", err)
	}
	var text bytes.Buffer
	if err := cdx.NewBOMEncoder(&text, cdx.BOMFileFormatJSON).SetPretty(true).Encode(bom); err != nil {
		return nil, fmt.Errorf("write the SBOM: %w", err)
	}
	return text.Bytes(), nil
}

// newReferrer wraps an SBOM as an artifact that refers to the image, by which registries list it:
// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
func newReferrer(one platformImage) (v1.Image, error) {
	subject, err := partial.Descriptor(one.image)
	if err != nil {
		return nil, fmt.Errorf("describe the image: %w", err)
	}
	// Without a field for it, the type of the config is the type of the artifact.
	artifact := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), sbomMediaType)
	if artifact, err = mutate.AppendLayers(artifact, static.NewLayer(one.sbom, sbomMediaType)); err != nil {
		return nil, fmt.Errorf("wrap the SBOM: %w", err)
	}
	referrer, ok := mutate.Subject(artifact, v1.Descriptor{MediaType: subject.MediaType, Size: subject.Size, Digest: subject.Digest}).(v1.Image)
	if !ok {
		return nil, fmt.Errorf("the artifact with a subject is no image")
	}
	return referrer, nil
}
