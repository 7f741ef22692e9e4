package main

import (
	"fmt"
	"os"
	"path/filepath"

	"sigs.k8s.io/yaml"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/testplane"
)

// sampleObjects returns the environment and the trigger of config/samples, in the demo's namespace. The identifiers of the
// local AWS's resources take the place of the references to ACK objects; all else is as a user gets it.
func (d *demo) sampleObjects() (*scanv1.ScanEnvironment, *scanv1.ScanTrigger, error) {
	environment, trigger := &scanv1.ScanEnvironment{}, &scanv1.ScanTrigger{}
	for name, into := range map[string]any{"scanenvironment.yaml": environment, "scantrigger.yaml": trigger} {
		if err := readSample(name, into); err != nil {
			return nil, nil, err
		}
	}
	environment.Namespace, trigger.Namespace = d.namespace, d.namespace
	made := d.stack.Environment(d.namespace, environment.Name).Spec
	spec := &environment.Spec
	spec.Region = made.Region
	spec.Cluster, spec.TaskDefinition, spec.ContainerName = made.Cluster, made.TaskDefinition, made.ContainerName
	spec.Network.Subnets, spec.Network.SecurityGroups = made.Network.Subnets, made.Network.SecurityGroups
	spec.Inbox, spec.Notifications = made.Inbox, made.Notifications
	spec.Reports.Bucket = made.Reports.Bucket
	return environment, trigger, nil
}

func readSample(name string, into any) error {
	root, err := testplane.ModuleRoot()
	if err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(root, "config", "samples", name))
	if err != nil {
		return fmt.Errorf("read the sample: %w", err)
	}
	if err := yaml.UnmarshalStrict(text, into); err != nil {
		return fmt.Errorf("config/samples/%s: %w", name, err)
	}
	return nil
}
