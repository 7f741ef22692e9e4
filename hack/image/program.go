package main

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// modulePath is the module that the programs are part of.
const modulePath = "github.com/scanjob-dev/scanjob"

// nonRoot owns what the programs may write to, and is who they run as. It is the user that distroless images made common.
const nonRoot = 65532

// program is one image's content: a program of cmd/ and what it needs around it, which is little.
type program struct {
	name        string
	description string
	// folders are absolute paths of folders that belong to nonRoot.
	folders []string
	// volumes are folders that the engine puts a writable volume on, with the owner and the mode that they have here.
	volumes     []string
	environment []string
}

// programs are the images that there are.
func programs() []program {
	return []program{
		{name: "manager", description: "The ScanJob operator: runs scans for leaked secrets as Fargate tasks"},
		{
			name: "scanner", description: "Scans a Git repository for leaked AWS credentials and account numbers",
			// It writes nothing but the repository that it fetches, into /work. Its root file system can be read-only: on
			// Fargate the volume is on the task's ephemeral storage.
			folders: []string{"/work"}, volumes: []string{"/work"}, environment: []string{"SCANJOB_WORKDIR=/work"},
		},
	}
}

// parsePlatforms reads OS/ARCHITECTURE,….
func parsePlatforms(text string) ([]v1.Platform, error) {
	var platforms []v1.Platform
	for part := range strings.SplitSeq(text, ",") {
		platform, err := v1.ParsePlatform(strings.TrimSpace(part))
		if err != nil || platform.OS != "linux" || platform.Architecture == "" || platform.Variant != "" || platform.OSVersion != "" {
			return nil, fmt.Errorf("%q is no platform that images are built for; give linux/ARCHITECTURE, such as linux/amd64,linux/arm64", part)
		}
		platforms = append(platforms, *platform)
	}
	return platforms, nil
}

// compile builds the program for a platform into folder, an absolute path, and returns its path. What the user's environment says about
// building does not count, so that it cannot change the outcome.
func (p program) compile(ctx context.Context, source string, platform v1.Platform, folder string) (string, error) {
	path := filepath.Join(folder, platform.Architecture, p.name)
	var output bytes.Buffer
	command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", path, modulePath+"/cmd/"+p.name)
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+platform.OS, "GOARCH="+platform.Architecture,
		"GOFLAGS=", "GOEXPERIMENT=", "GOAMD64=v1", "GOARM64=v8.0", "GOFIPS140=off")
	command.Dir = source
	command.Stdout, command.Stderr = &output, &output
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("go build for %s: %w\n%s", platform, err, output.String())
	}
	return path, nil
}

// provenance is where a program was built from, as Go recorded it in the program.
type provenance struct {
	// version is the module's version: a tag, or a pseudo-version of the commit.
	version string
	// revision is the commit, with "-dirty" where files differed from it. Empty outside of a Git repository.
	revision string
	// created is the commit's time. 1970 outside of a Git repository.
	created time.Time
}

func readProvenance(path string) (provenance, error) {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return provenance{}, fmt.Errorf("read the build information of %s: %w", path, err)
	}
	from := provenance{version: info.Main.Version, created: time.Unix(0, 0).UTC()}
	settings := map[string]string{}
	for _, setting := range info.Settings {
		settings[setting.Key] = setting.Value
	}
	from.revision = settings["vcs.revision"]
	if modified, err := strconv.ParseBool(settings["vcs.modified"]); err == nil && modified {
		from.revision += "-dirty"
	}
	if text := settings["vcs.time"]; text != "" {
		if from.created, err = time.Parse(time.RFC3339, text); err != nil {
			return provenance{}, errors.Join(fmt.Errorf("the commit time of %s", path), err)
		}
	}
	return from, nil
}
