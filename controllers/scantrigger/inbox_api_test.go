package scantrigger

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"k8s.io/apimachinery/pkg/types"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	inboxrouter "github.com/scanjob-dev/scanjob/controllers/inbox"
	"github.com/scanjob-dev/scanjob/internal/inbox"
)

// listen makes the manager consume the world's queue.
func (w *world) listen() {
	w.consumers.Set(types.NamespacedName{Namespace: w.namespace, Name: "default"}, inbox.Queue{URL: w.queueURL, Client: w.sqs})
}

func (w *world) send(body string) {
	w.t.Helper()
	w.sendTo(w.queueURL, body)
}

func (w *world) sendTo(queueURL, body string) {
	w.t.Helper()
	if _, err := w.sqs.SendMessage(w.t.Context(), &sqs.SendMessageInput{QueueUrl: &queueURL, MessageBody: &body}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) awaitDepth(queue string, want int) {
	w.t.Helper()
	w.eventually(fmt.Sprintf("wait for %d messages in %s", want, queue), func() string {
		depth, err := w.aws.Queue(queue)
		if err != nil {
			return err.Error()
		}
		if got := depth.Visible + depth.InFlight + depth.Delayed; got != want {
			return fmt.Sprintf("%d messages", got)
		}
		return ""
	})
}

func sample(t *testing.T, file string) string {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("..", "..", "internal", "events", "testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestMessageThatComesFiveTimesMakesOneJob(t *testing.T) {
	for name, repeat := range map[string]func(*world, string){
		"sent five times": func(w *world, body string) {
			for range 5 {
				w.send(body)
			}
		},
		"delivered five times": func(w *world, body string) {
			w.aws.Faults().RepeatMessages(4)
			w.send(body)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.environment(account)
			w.trigger("main")
			repeat(w, sample(t, "codecommit-pullRequestCreated.json"))
			w.listen()
			w.eventually("wait for the job", func() string {
				if len(w.jobs()) == 0 {
					return "no job"
				}
				return ""
			})
			w.awaitDepth("inbox", 0)
			if jobs := w.jobs(); len(jobs) != 1 {
				t.Errorf("%d jobs, want one", len(jobs))
			}
		})
	}
}

func TestMessageThatCannotBeReadGoesToTheDeadLetterQueueAndIsTold(t *testing.T) {
	w := newWorld(t)
	w.environment(account)
	w.trigger("main")
	w.send(strings.Repeat("{[", 1<<19))
	w.send(sample(t, "codecommit-pullRequestCreated.json"))
	w.listen()
	w.awaitDepth("dead", 1)
	w.awaitDepth("inbox", 0)
	if jobs := w.jobs(); len(jobs) != 1 {
		t.Errorf("%d jobs, want that of the good message", len(jobs))
	}
	w.eventually("wait for the event", func() string {
		got := w.warnings("default")
		if len(got) == 0 || !strings.HasPrefix(got[0], inboxrouter.ReasonUndecodableMessage) {
			return fmt.Sprint(got)
		}
		return ""
	})
}

func TestMessageOfAnotherAccountOrRegionIsDroppedAndTold(t *testing.T) {
	own := sample(t, "codecommit-pullRequestSourceBranchUpdated.json")
	for name, foreign := range map[string]struct{ text, says string }{
		"another account": {strings.ReplaceAll(own, account, "444455556666"), "account 444455556666 in us-east-1"},
		"another region":  {strings.ReplaceAll(own, "us-east-1", "eu-west-1"), "account 111122223333 in eu-west-1"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.environment(account)
			w.trigger("main")
			w.send(foreign.text)
			w.send(sample(t, "codecommit-pullRequestCreated.json"))
			w.listen()
			w.eventually("wait for the event", func() string {
				got := w.warnings("default")
				if len(got) != 1 || !strings.HasPrefix(got[0], inboxrouter.ReasonForeignEvent) || !strings.Contains(got[0], foreign.says) ||
					!strings.Contains(got[0], "this environment is account 111122223333 in us-east-1") {
					return fmt.Sprint(got)
				}
				return ""
			})
			w.awaitDepth("inbox", 0)
			w.awaitDepth("dead", 0)
			if jobs := w.jobs(); len(jobs) != 1 {
				t.Errorf("%d jobs, want that of the environment's own event", len(jobs))
			}
		})
	}
}

func TestUpdatedAndMergedPullRequestEndsWithNothingRunning(t *testing.T) {
	w := newWorld(t)
	w.environment(account)
	w.trigger("main")
	w.listen()
	for i, file := range []string{"codecommit-pullRequestCreated.json", "codecommit-pullRequestSourceBranchUpdated.json"} {
		w.send(sample(t, file))
		w.awaitDepth("inbox", 0)
		if jobs := w.jobs(); len(jobs) != i+1 {
			t.Fatalf("%d jobs after %s", len(jobs), file)
		}
	}
	if got := w.running(); len(got) != 1 || got[0] != commitB {
		t.Errorf("running: %v, want the head", got)
	}
	w.send(sample(t, "codecommit-pullRequestMergeStatusUpdated.json"))
	w.awaitDepth("inbox", 0)
	if got := w.running(); len(got) != 0 {
		t.Errorf("running: %v, want none", got)
	}
	for _, job := range w.jobs() {
		if superseded := job.Annotations[v1alpha1.AnnotationSupersededBy] != ""; superseded != (job.Spec.Source.Revision == commitA) {
			t.Errorf("%s: superseded %v", job.Name, superseded)
		}
	}
}
