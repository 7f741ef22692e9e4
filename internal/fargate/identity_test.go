package fargate_test

import (
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/scanjob-dev/scanjob/internal/fargate"
)

func TestClientTokenIsAPureFunctionOfJobAndAttempt(t *testing.T) {
	if one, again := fargate.ClientToken(uid, 1), fargate.ClientToken(uid, 1); one != again {
		t.Errorf("two calls gave %s and %s", one, again)
	}
	// The value is pinned: a version of this operator with another one would start a second task for a recorded attempt.
	const pinned = "77c4c7a744ded4cc0f82af4221bd092ed37e2a96a61695a74344d16b04b38e17"
	if got := fargate.ClientToken(uid, 1); got != pinned {
		t.Errorf("the token of a recorded attempt has changed: %s, want %s", got, pinned)
	}
}

func TestClientTokenIsWhatECSTakes(t *testing.T) {
	charset := regexp.MustCompile(`^[!-~]{64}$`)
	seen := map[string]string{}
	for _, job := range []string{uid, "1", "", strings.Repeat("u", 300), "ü"} {
		for _, attempt := range []int32{1, 2, 11, math.MaxInt32} {
			token := fargate.ClientToken(job, attempt)
			if !charset.MatchString(token) {
				t.Errorf("token %q of %q is not 64 characters of ASCII 33 to 126", token, job)
			}
			if other, ok := seen[token]; ok {
				t.Errorf("%q attempt %d has the token of %s", job, attempt, other)
			}
			seen[token] = job
		}
	}
}

func TestStartedByCanBeReadBackAndIsWhatECSTakes(t *testing.T) {
	charset := regexp.MustCompile(`^[A-Za-z0-9/_-]{1,128}$`)
	for _, attempt := range []int32{1, 2, 10, 31, math.MaxInt32} {
		startedBy := fargate.StartedBy(uid, attempt)
		if !charset.MatchString(startedBy) {
			t.Errorf("ECS refuses startedBy %q", startedBy)
		}
		gotUID, gotAttempt, ok := fargate.ParseStartedBy(startedBy)
		if !ok || gotUID != uid || gotAttempt != attempt {
			t.Errorf("%q was read back as %q, %d, %t", startedBy, gotUID, gotAttempt, ok)
		}
	}
}

func TestStartedByOfOthersIsNotTakenForOurs(t *testing.T) {
	for name, startedBy := range map[string]string{
		"nothing":                           "",
		"a service's deployment":            "ecs-svc/1234567890123456789",
		"another prefix":                    "scan/" + uid + "/1",
		"the prefix in another case":        "ScanJob/" + uid + "/1",
		"the prefix alone":                  "scanjob/",
		"no attempt":                        "scanjob/" + uid,
		"an empty attempt":                  "scanjob/" + uid + "/",
		"no job":                            "scanjob//1",
		"attempt 0":                         "scanjob/" + uid + "/0",
		"a negative attempt":                "scanjob/" + uid + "/-1",
		"an attempt that is no number":      "scanjob/" + uid + "/one",
		"an attempt beyond 32 bits":         "scanjob/" + uid + "/2147483648",
		"something after the attempt":       "scanjob/" + uid + "/1/2",
		"an attempt that nobody so writes":  "scanjob/" + uid + "/01",
		"an attempt with a sign before it":  "scanjob/" + uid + "/+1",
		"an attempt with a space around it": "scanjob/" + uid + "/ 1",
	} {
		t.Run(name, func(t *testing.T) {
			if gotUID, attempt, ok := fargate.ParseStartedBy(startedBy); ok || gotUID != "" || attempt != 0 {
				t.Errorf("%q was read as job %q, attempt %d, %t", startedBy, gotUID, attempt, ok)
			}
		})
	}
}

func TestTraceParentIsOneTracePerJobAndOneSpanPerAttempt(t *testing.T) {
	// https://www.w3.org/TR/trace-context/#traceparent-header-field-values
	form := regexp.MustCompile(`^00-([0-9a-f]{32})-([0-9a-f]{16})-01$`)
	first, second := form.FindStringSubmatch(fargate.TraceParent(uid, 1)), form.FindStringSubmatch(fargate.TraceParent(uid, 2))
	if first == nil || second == nil {
		t.Fatalf("%q or %q is no trace context", fargate.TraceParent(uid, 1), fargate.TraceParent(uid, 2))
	}
	if first[1] != second[1] || first[2] == second[2] {
		t.Errorf("traces %s and %s, spans %s and %s", first[1], second[1], first[2], second[2])
	}
	if fargate.TraceParent("another", 1)[3:35] == first[1] {
		t.Error("two jobs share a trace")
	}
	if again := fargate.TraceParent(uid, 1); again != first[0] {
		t.Error("the trace context of an attempt differs from call to call")
	}
}
