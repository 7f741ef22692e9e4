package aws

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

// story applies config/aws and lets ACK's controllers get there in a random order with setbacks, and knows at every moment
// what the environment must say.
type story struct {
	*world
	random  *rand.Rand
	objects inventory
	// problems are why an object is not usable, as the ending of the environment's reason; nothing for one that is.
	problems map[string]string
	// wants are the references of the environment in their order, as KIND NAME.
	wants []string
}

func newStory(t *testing.T, seed uint64, network string) *story {
	t.Helper()
	objects := objectsOf(t, variant{network: network, values: acme()})
	s := &story{world: newWorld(t, objects), random: rand.New(rand.NewPCG(seed, 0)), objects: objects, problems: map[string]string{}}
	environment := s.objects.get(t, "ScanEnvironment", "default")
	listed := references(environment)
	for _, kind := range []string{"Cluster", "TaskDefinition", "Subnet", "SecurityGroup", "Queue", "Topic", "Bucket"} {
		for _, reference := range listed {
			if strings.HasPrefix(reference, kind+" ") {
				s.wants = append(s.wants, reference)
				s.problems[reference] = v1alpha1.ReasonSuffixNotFound
			}
		}
	}
	s.stack.AWS.RunContainersWith(awslocal.ExitWith(0))
	return s
}

func (s *story) apply(object *unstructured.Unstructured) {
	s.t.Helper()
	c, _ := strictClient(s.t)
	if err := apply(s.t, c, s.ns, object); err != nil {
		s.t.Fatalf("apply %s: %v", key(object), err)
	}
}

// missing is the first reference that is not usable, in the order of the environment; empty for none.
func (s *story) missing() string {
	for _, reference := range s.wants {
		if s.problems[reference] != "" {
			return reference
		}
	}
	return ""
}

// check waits until the environment says what is true by now, and says it of the object that is missing.
func (s *story) check() {
	s.t.Helper()
	missing := s.missing()
	reason, status := v1alpha1.ReasonReady, metav1.ConditionTrue
	if missing != "" {
		kind, _, _ := strings.Cut(missing, " ")
		reason, status = kind+s.problems[missing], metav1.ConditionFalse
	}
	_, name, _ := strings.Cut(missing, " ")
	eventually(s.t, "the environment says "+reason+" "+name, func() string {
		_, ready := s.environment()
		if ready.Reason != reason || ready.Status != status || !strings.Contains(ready.Message, name) {
			return fmt.Sprintf("condition %+v", ready)
		}
		return ""
	})
}

// held waits until a job says that it waits for what the environment waits for, and that nothing was started.
func (s *story) held(job string) {
	s.t.Helper()
	missing := s.missing()
	if missing == "" {
		s.t.Fatal("nothing is missing, so that no job is held")
	}
	kind, name, _ := strings.Cut(missing, " ")
	wants := []string{kind + s.problems[missing], fmt.Sprintf("ACK %s %q", kind, name)}
	eventually(s.t, "job "+job+" names "+missing, func() string {
		found, admitted := s.job(job, v1alpha1.ConditionAdmitted)
		if admitted.Status != metav1.ConditionFalse || admitted.Reason != v1alpha1.ReasonEnvironmentNotReady || len(found.Status.Attempts) != 0 {
			return fmt.Sprintf("condition %+v, attempts %+v", admitted, found.Status.Attempts)
		}
		for _, want := range wants {
			if !strings.Contains(admitted.Message, want) {
				return fmt.Sprintf("message %q", admitted.Message)
			}
		}
		return ""
	})
}

// triggerSays waits until the trigger gives a reason. What it knows of the environment, the manager knows for all its
// controllers.
func (s *story) triggerSays(reason string) {
	s.t.Helper()
	eventually(s.t, "the trigger says "+reason, func() string {
		trigger := &v1alpha1.ScanTrigger{}
		if err := s.kube.Get(s.t.Context(), client.ObjectKey{Namespace: s.ns, Name: "pull-requests"}, trigger); err != nil {
			s.t.Fatal(err)
		}
		if ready := meta.FindStatusCondition(trigger.Status.Conditions, v1alpha1.ConditionReady); ready == nil || ready.Reason != reason {
			return fmt.Sprintf("status %+v", trigger.Status)
		}
		return ""
	})
}

// scanned waits until a job is done, and returns the task that did it.
func (s *story) scanned(job string) awslocal.Task {
	s.t.Helper()
	var found *v1alpha1.ScanJob
	eventually(s.t, "job "+job+" completes", func() string {
		var complete metav1.Condition
		found, complete = s.job(job, v1alpha1.ConditionComplete)
		if complete.Status != metav1.ConditionTrue {
			return fmt.Sprintf("status %+v", found.Status)
		}
		return ""
	})
	for _, task := range s.stack.AWS.Tasks() {
		if len(found.Status.Attempts) == 1 && task.ARN == found.Status.Attempts[0].TaskARN {
			return task
		}
	}
	s.t.Fatalf("no task of job %s: %+v", job, found.Status.Attempts)
	return awslocal.Task{}
}

// setback is something that ACK reports of an object that is not there yet, or not as it should be.
func (s *story) setback(object *unstructured.Unstructured) {
	s.t.Helper()
	ending := v1alpha1.ReasonSuffixNotSynced
	switch s.random.IntN(4) {
	case 0:
		s.ack.report(object, nil, recoverable("ThrottlingException: Rate exceeded")...)
	case 1:
		s.ack.report(object, nil, terminal("InvalidParameterException: this cannot be")...)
		ending = v1alpha1.ReasonSuffixTerminal
	case 2:
		s.ack.report(object, nil, condition{"ACK.ReferencesResolved", "Unknown", "", "the referenced resource is not synced yet"})
	case 3:
		s.ack.report(object, nil, condition{"ACK.ResourceSynced", "False", "the resource is being updated", ""})
	}
	s.became(object, ending)
}

// became notes what an object is by now, if the environment looks at it.
func (s *story) became(object *unstructured.Unstructured, problem string) {
	if _, ok := s.problems[key(object)]; ok {
		s.problems[key(object)] = problem
	}
}

// chapter is what happens to one object, one step at a time; done when there are none left.
type chapter struct {
	object *unstructured.Unstructured
	// setbacks come after the object was applied, and relapses after it was synced.
	applied            bool
	setbacks, relapses int
	synced             bool
}

// step lets one thing happen to the object, and is true when nothing more will.
func (s *story) step(c *chapter) bool {
	s.t.Helper()
	switch {
	case !c.applied:
		s.apply(c.object)
		c.applied = true
		s.became(c.object, v1alpha1.ReasonSuffixNotSynced)
	case c.setbacks > 0:
		c.setbacks--
		s.setback(c.object)
	case !c.synced:
		c.synced = s.ack.reconcile(c.object)
		if c.synced {
			s.became(c.object, "")
		} else {
			s.became(c.object, v1alpha1.ReasonSuffixNotSynced)
		}
	case c.relapses > 0:
		c.relapses--
		s.setback(c.object)
		s.check()
		s.ack.recover(c.object)
		s.became(c.object, "")
	}
	return c.synced && c.relapses == 0
}

// TestTheEnvironmentIsReadyWhenAllOfConfigAWSIs plays out in several orders; a failure names the seed that repeats it.
func TestTheEnvironmentIsReadyWhenAllOfConfigAWSIs(t *testing.T) {
	for _, play := range []struct {
		seed    uint64
		network string
	}{{1, networkEndpoints}, {2, networkNAT}, {3, networkExisting}, {4, networkEndpoints}} {
		t.Run(fmt.Sprintf("seed %d, %s", play.seed, play.network), func(t *testing.T) {
			t.Parallel()
			s := newStory(t, play.seed, play.network)
			s.manage()
			s.apply(s.objects.get(t, "ScanEnvironment", "default"))
			s.submit("early")

			named := ""
			for _, wave := range s.objects.waves(t) {
				var open []*chapter
				for _, object := range wave {
					if isACK(object) {
						open = append(open, &chapter{object: object, setbacks: s.random.IntN(3), relapses: s.random.IntN(2)})
					}
				}
				for len(open) > 0 {
					i := s.random.IntN(len(open))
					if s.step(open[i]) {
						open = append(open[:i], open[i+1:]...)
					}
					s.check()
					if missing := s.missing(); missing != "" && missing != named {
						s.held("early")
						named = missing
					}
				}
			}
			task := s.scanned("early")
			environment, _ := s.environment()
			if resolved := environment.Status.Resolved; task.TaskDefinition != resolved.TaskDefinitionARN || task.Cluster != resolved.ClusterARN ||
				!strings.HasSuffix(task.Cluster, ":cluster/acme-cluster") {
				t.Errorf("the scan ran as %s in %s, resolved is %+v", task.TaskDefinition, task.Cluster, resolved)
			}
		})
	}
}

func TestAReferenceThatIsLostHoldsTheJobsThatComeAfterwards(t *testing.T) {
	s := newStory(t, 5, networkEndpoints)
	s.ready()
	for _, reference := range s.wants {
		kind, name, _ := strings.Cut(reference, " ")
		object := s.objects.get(t, kind, name)
		job := strings.ToLower(kind) + "-" + name
		s.setback(object)
		s.check()
		s.triggerSays(v1alpha1.ReasonEnvironmentNotReady)
		s.submit(job)
		s.held(job)
		s.ack.recover(object)
		s.became(object, "")
		s.check()
		s.scanned(job)
	}
}

func TestANewRevisionIsUsedAtOnceAndTheEnvironmentStaysReady(t *testing.T) {
	s := newStory(t, 6, networkEndpoints)
	s.ready()
	before, ready := s.environment()

	values := acme()
	values["IMAGE_DIGEST"] = "sha256:" + strings.Repeat("c", 64)
	changed := objectsOf(t, variant{network: networkEndpoints, values: values}).get(t, "TaskDefinition", "scanner")
	s.apply(changed)
	s.ack.reconcile(changed)
	eventually(t, "the new revision is resolved", func() string {
		environment, now := s.environment()
		if now.Status != metav1.ConditionTrue || !now.LastTransitionTime.Equal(&ready.LastTransitionTime) {
			t.Fatalf("the environment did not stay Ready: %+v", now)
		}
		if found := environment.Status.Resolved.TaskDefinitionARN; found != s.ack.synced["TaskDefinition scanner"] {
			return found
		}
		return ""
	})
	s.submit("later")
	task := s.scanned("later")
	if old := before.Status.Resolved.TaskDefinitionARN; task.TaskDefinition == old || task.TaskDefinition != s.ack.synced["TaskDefinition scanner"] {
		t.Errorf("the scan ran as %s, before as %s", task.TaskDefinition, old)
	}
}

// ready applies everything, and returns when the environment is Ready.
func (s *story) ready() {
	s.t.Helper()
	s.manage()
	for _, wave := range s.objects.waves(s.t) {
		for _, object := range wave {
			s.apply(object)
		}
		s.ack.settle(wave)
	}
	for _, reference := range s.wants {
		s.problems[reference] = ""
	}
	s.check()
}
