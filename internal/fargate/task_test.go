package fargate_test

import (
	"testing"

	"github.com/scanjob-dev/scanjob/internal/fargate"
)

func TestATaskIsAtItsEndOnlyWhenItsNetworkInterfaceIsReleased(t *testing.T) {
	for status, want := range map[string]bool{
		"PROVISIONING": false, "PENDING": false, "ACTIVATING": false, "RUNNING": false, "DEACTIVATING": false, "STOPPING": false,
		"DEPROVISIONING": false, "STOPPED": true, "DELETED": true, "": false,
	} {
		// What is desired says nothing: a Spot warning desires STOPPED while the container runs.
		for _, desired := range []string{"RUNNING", "STOPPED"} {
			if got := (fargate.Task{LastStatus: status, DesiredStatus: desired}).Stopped(); got != want {
				t.Errorf("%s with desired status %s is stopped: %t", status, desired, got)
			}
		}
	}
}

func TestTaskIDIsTheLastPartOfAnARN(t *testing.T) {
	for _, arn := range []string{taskARN, "task/c13b4cb40f1f4fe4a2971f76ae5a47ad", "c13b4cb40f1f4fe4a2971f76ae5a47ad"} {
		if got := fargate.TaskID(arn); got != "c13b4cb40f1f4fe4a2971f76ae5a47ad" {
			t.Errorf("%s has id %q", arn, got)
		}
	}
}
