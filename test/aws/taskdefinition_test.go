package aws

import (
	"regexp"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// definition is the task definition of a variant, as ECS would get it.
func definition(t *testing.T, v variant) (ecs.RegisterTaskDefinitionInput, ecstypes.ContainerDefinition) {
	t.Helper()
	var d ecs.RegisterTaskDefinitionInput
	decode(t, objectsOf(t, v).get(t, "TaskDefinition", "scanner"), &d)
	if len(d.ContainerDefinitions) != 1 {
		t.Fatalf("%d containers", len(d.ContainerDefinitions))
	}
	return d, d.ContainerDefinitions[0]
}

func TestTheContainerMayDoLittle(t *testing.T) {
	for _, v := range variants() {
		t.Run(v.name(), func(t *testing.T) {
			d, c := definition(t, v)
			for claim, ok := range map[string]bool{
				"the root file system is read-only":          aws.ToBool(c.ReadonlyRootFilesystem),
				"the user is not root, by number":            regexp.MustCompile(`^[1-9][0-9]*:[1-9][0-9]*$`).MatchString(aws.ToString(c.User)),
				"every capability is dropped":                len(c.LinuxParameters.Capabilities.Drop) == 1 && c.LinuxParameters.Capabilities.Drop[0] == "ALL",
				"no capability is added":                     len(c.LinuxParameters.Capabilities.Add) == 0,
				"it is not privileged":                       !aws.ToBool(c.Privileged),
				"it listens on no port":                      len(c.PortMappings) == 0,
				"no secret is in its environment":            len(c.Environment) == 0 && len(c.Secrets) == 0,
				"the image is pinned by digest":              regexp.MustCompile(`^\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com/[a-z0-9/-]+@sha256:[0-9a-f]{64}$`).MatchString(aws.ToString(c.Image)),
				"the log driver is awslogs":                  c.LogConfiguration.LogDriver == ecstypes.LogDriverAwslogs,
				"no line of the log is dropped":              c.LogConfiguration.Options["mode"] == "blocking",
				"a task on Spot has its whole warning time":  aws.ToInt32(c.StopTimeout) == 120,
				"the task ends with the container":           aws.ToBool(c.Essential),
				"it runs on Fargate":                         len(d.RequiresCompatibilities) == 1 && d.RequiresCompatibilities[0] == ecstypes.CompatibilityFargate && d.NetworkMode == ecstypes.NetworkModeAwsvpc,
				"it runs on Linux":                           d.RuntimePlatform.OperatingSystemFamily == ecstypes.OSFamilyLinux,
				"it runs on the architecture that was asked": string(d.RuntimePlatform.CpuArchitecture) == v.values["CPU_ARCHITECTURE"],
			} {
				if !ok {
					t.Errorf("not true: %s", claim)
				}
			}
		})
	}
}

// That the folder is the image's, with the user as its owner, is tested with the images, in hack/image.
func TestTheOnlyMountIsOfTheOnlyVolume(t *testing.T) {
	d, c := definition(t, variant{})
	if len(c.MountPoints) != 1 || len(d.Volumes) != 1 {
		t.Fatalf("mounts %+v of volumes %+v", c.MountPoints, d.Volumes)
	}
	mount := c.MountPoints[0]
	if aws.ToString(mount.SourceVolume) != aws.ToString(d.Volumes[0].Name) || aws.ToBool(mount.ReadOnly) {
		t.Errorf("mount %+v of volume %+v", mount, d.Volumes[0])
	}
}

// TestWhatECSFillsInIsWrittenOut guards against endless revisions: ACK compares these pointers with what ECS answers, which
// always has them, and registers a new revision where they differ.
func TestWhatECSFillsInIsWrittenOut(t *testing.T) {
	object := objectsOf(t, variant{}).get(t, "TaskDefinition", "scanner")
	var spec struct {
		Volumes              []map[string]any `json:"volumes"`
		ContainerDefinitions []map[string]any `json:"containerDefinitions"`
	}
	decode(t, object, &spec)
	container := spec.ContainerDefinitions[0]
	mount := container["mountPoints"].([]any)[0].(map[string]any)
	for place, there := range map[string]bool{
		"containerDefinitions[].cpu":                                has(container, "cpu"),
		"containerDefinitions[].essential":                          has(container, "essential"),
		"containerDefinitions[].linuxParameters.initProcessEnabled": has(container["linuxParameters"].(map[string]any), "initProcessEnabled"),
		"containerDefinitions[].mountPoints[].readOnly":             has(mount, "readOnly"),
		"volumes[].host": has(spec.Volumes[0], "host"),
	} {
		if !there {
			t.Errorf("%s is not written", place)
		}
	}
	// The other way round: an empty list is left out of ACK's object, so writing one differs for a tool that compares.
	for name, value := range container {
		if list, ok := value.([]any); ok && len(list) == 0 {
			t.Errorf("containerDefinitions[].%s is an empty list", name)
		}
	}
}

func has(fields map[string]any, name string) bool {
	_, ok := fields[name]
	return ok
}
