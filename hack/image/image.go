package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"strconv"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// maxCompressed bounds an image of one platform, in bytes as they are pulled. Fargate keeps no image cache, so each scan
// waits for the pull; see docs/decisions/.
const maxCompressed = 25_000_000

// built is the image of a program for all platforms.
type built struct {
	program program
	index   v1.ImageIndex
	images  []platformImage
}

// platformImage is the image for one platform.
type platformImage struct {
	platform v1.Platform
	image    v1.Image
	// compressed is the sum of config and layers, in bytes.
	compressed int64
	// sbom is a CycloneDX document in JSON.
	sbom []byte
}

// build compiles a program from the sources in a folder and makes its image.
func build(ctx context.Context, p program, source string, platforms []v1.Platform) (made built, err error) {
	folder, err := os.MkdirTemp("", "image-")
	if err != nil {
		return built{}, fmt.Errorf("make a folder for the programs: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	made = built{program: p}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	var from provenance
	for _, platform := range platforms {
		binary, err := p.compile(ctx, source, platform, folder)
		if err != nil {
			return built{}, err
		}
		if from, err = readProvenance(binary); err != nil {
			return built{}, err
		}
		one, err := newPlatformImage(p, platform, binary, from)
		if err != nil {
			return built{}, fmt.Errorf("%s: %w", platform, err)
		}
		made.images = append(made.images, one)
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: one.image, Descriptor: v1.Descriptor{Platform: &platform}})
	}
	annotated, ok := mutate.Annotations(index, p.labels(from)).(v1.ImageIndex)
	if !ok {
		return built{}, errors.New("the annotated index is no index")
	}
	made.index = annotated
	return made, nil
}

func newPlatformImage(p program, platform v1.Platform, binary string, from provenance) (platformImage, error) {
	layer, err := newLayer(p, binary, from.created)
	if err != nil {
		return platformImage{}, err
	}
	image, err := mutate.ConfigFile(mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON), p.config(platform, from))
	if err != nil {
		return platformImage{}, fmt.Errorf("set the image's configuration: %w", err)
	}
	history := v1.History{Author: "hack/image", Created: v1.Time{Time: from.created}, CreatedBy: "go build -trimpath ./cmd/" + p.name}
	if image, err = mutate.Append(image, mutate.Addendum{Layer: layer, History: history}); err != nil {
		return platformImage{}, fmt.Errorf("add the layer: %w", err)
	}
	annotated, ok := mutate.Annotations(image, p.labels(from)).(v1.Image)
	if !ok {
		return platformImage{}, errors.New("the annotated image is no image")
	}
	one := platformImage{platform: platform, image: annotated}
	if one.compressed, err = compressedSize(annotated); err != nil {
		return platformImage{}, err
	}
	if one.compressed > maxCompressed {
		return platformImage{}, fmt.Errorf("the image is %.1f MB compressed, more than the %.0f MB that a scan should wait for at its start: "+
			"find what made the program larger with go tool nm -size -sort=size", megabytes(one.compressed), megabytes(maxCompressed))
	}
	if one.sbom, err = newSBOM(binary); err != nil {
		return platformImage{}, err
	}
	return one, nil
}

// config is what the image runs.
func (p program) config(platform v1.Platform, from provenance) *v1.ConfigFile {
	config := v1.Config{
		Entrypoint: []string{"/" + p.name},
		Env:        p.environment,
		User:       strconv.Itoa(nonRoot) + ":" + strconv.Itoa(nonRoot),
		WorkingDir: "/",
		Labels:     p.labels(from),
	}
	for _, volume := range p.volumes {
		if config.Volumes == nil {
			config.Volumes = map[string]struct{}{}
		}
		config.Volumes[volume] = struct{}{}
	}
	return &v1.ConfigFile{
		OS: platform.OS, Architecture: platform.Architecture, Created: v1.Time{Time: from.created},
		Config: config, RootFS: v1.RootFS{Type: "layers"},
	}
}

// labels are OCI's own keys: https://github.com/opencontainers/image-spec/blob/main/annotations.md
func (p program) labels(from provenance) map[string]string {
	labels := map[string]string{
		"org.opencontainers.image.title":       "scanjob-" + p.name,
		"org.opencontainers.image.description": p.description,
		"org.opencontainers.image.source":      "https://" + modulePath,
		"org.opencontainers.image.licenses":    "Apache-2.0",
		"org.opencontainers.image.version":     from.version,
		"org.opencontainers.image.revision":    from.revision,
		"org.opencontainers.image.created":     from.created.Format("2006-01-02T15:04:05Z07:00"),
	}
	maps.DeleteFunc(labels, func(_, value string) bool { return value == "" })
	return labels
}

// compressedSize is what a pull of the image transfers, but for the manifest.
func compressedSize(image v1.Image) (int64, error) {
	manifest, err := image.Manifest()
	if err != nil {
		return 0, fmt.Errorf("read the manifest: %w", err)
	}
	size := manifest.Config.Size
	for _, layer := range manifest.Layers {
		size += layer.Size
	}
	return size, nil
}

func megabytes(bytes int64) float64 { return float64(bytes) / 1e6 }
