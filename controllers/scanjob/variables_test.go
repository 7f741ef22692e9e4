package scanjob

import (
	"testing"

	"github.com/scanjob-dev/scanjob/api/contract"
	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
)

func TestScannerIsToldWhatFailsAndWhoseConfigurationCounts(t *testing.T) {
	job := &scanv1.ScanJob{}
	job.Spec.FailOn = scanv1.FailOnAll
	job.Spec.Container = &scanv1.ContainerOverrides{Env: []scanv1.EnvVar{{Name: contract.EnvRepositoryConfiguration, Value: contract.ConfigurationSourceBranch}}}
	environment := &scanv1.ScanEnvironment{}
	environment.Status.Resolved = &scanv1.ResolvedEnvironment{}
	attempt := &scanv1.Attempt{Number: 1}
	got := variables(job, environment, attempt, "")
	if value, ok := got[contract.EnvRepositoryConfiguration]; ok {
		t.Errorf("the job has chosen %q itself", value)
	}
	environment.Spec.RepositoryConfiguration = scanv1.RepositoryConfigurationNone
	got = variables(job, environment, attempt, "")
	if got[contract.EnvFailOn] != contract.FailOnAll || got[contract.EnvRepositoryConfiguration] != contract.ConfigurationNone {
		t.Errorf("the scanner is told %q and %q", got[contract.EnvFailOn], got[contract.EnvRepositoryConfiguration])
	}
}
