package aws

import (
	"os/exec"
	"strings"
	"testing"
)

// TestTheInboxIsRefusedForGoodBeforeItsDeadLetters is why there is an order, and why the other tests keep it.
func TestTheInboxIsRefusedForGoodBeforeItsDeadLetters(t *testing.T) {
	s := newStory(t, 6, networkExisting)
	inbox, dead := s.objects.get(t, "Queue", "scan-inbox"), s.objects.get(t, "Queue", "scan-inbox-dead")
	s.apply(inbox)
	s.apply(dead)
	if s.ack.reconcile(inbox) {
		t.Error("the inbox was made without its dead-letter queue")
	}
	if !s.ack.reconcile(dead) {
		t.Error("the dead-letter queue was not made")
	}
	if s.ack.reconcile(inbox) {
		t.Error("ACK tried a terminal object again")
	}
}

func TestTheFirstWaveIsWhatTheLabelSelects(t *testing.T) {
	objects := objectsOf(t, variant{})
	var labelled inventory
	for _, object := range objects {
		if object.GetLabels()["scanjob.dev/apply"] == "first" {
			labelled = append(labelled, object)
		}
	}
	want := "Queue scan-inbox-dead"
	if got := strings.Join(labelled.names(), ", "); got != want {
		t.Errorf("the label selects %s, want %s", got, want)
	}
	if got := strings.Join(objects.waves(t)[0].names(), ", "); got != want {
		t.Errorf("the first wave is %s, want %s", got, want)
	}
}

// The guide waits for the dead-letter queue by kubectl, which must know the condition of ACK.
func TestTheGuideWaitsForTheDeadLetters(t *testing.T) {
	kubectl, err := exec.LookPath("kubectl")
	if err != nil {
		t.Skip("there is no kubectl to wait with")
	}
	s := newStory(t, 7, networkExisting)
	dead := s.objects.get(t, "Queue", "scan-inbox-dead")
	s.apply(dead)
	s.ack.reconcile(dead)
	ran := 0
	for _, command := range commandsOf(t, guide(t)) {
		if !strings.HasPrefix(command, "kubectl -n scans wait queues") {
			continue
		}
		arguments := strings.Fields(strings.Replace(command, "-n scans", "-n "+s.ns, 1))[1:]
		arguments = append(arguments, "--kubeconfig", plane.Kubeconfig())
		if output, err := exec.CommandContext(t.Context(), kubectl, arguments...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", command, err, output)
		}
		ran++
	}
	if ran != 1 {
		t.Errorf("the guide waits %d times, want once", ran)
	}
}
