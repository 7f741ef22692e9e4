package awslocal

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestGitPasswordOfTheKnownVector(t *testing.T) {
	const secret = "wJalrXUtn" + "FEMI/K7MDENG+bPxRfiCY" + "EXAMPLEKEY"
	got := gitPassword(secret, "us-east-1", "git-codecommit.us-east-1.amazonaws.com", "/v1/repos/demo-repo", "20260115T123045")
	const want = "20260115T123045Z" + "c25919d0e84f17cf3af71956f0cfbe818ad6c31bfd1b9e96b3f6e003aa467faf"
	if got != want {
		t.Errorf("password %s, want %s", got, want)
	}
}

func TestPatterns(t *testing.T) {
	const event = `{"source":"aws.ecs","detail-type":"ECS Task State Change","resources":["arn:aws:ecs:r:a:task/scans/1"],
		"detail":{"startedBy":"scanjob/abc","version":3,"address":"10.0.0.7","desired":null,"flag":true,"names":["payments","infra-dns"],
		"containers":[{"name":"a","exitCode":0},{"name":"b","exitCode":137}],"empty":[]}}`
	var document map[string]any
	if err := json.Unmarshal([]byte(event), &document); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name, pattern string
		want          bool
	}{
		{"every key must match", `{"source":["aws.ecs"],"detail-type":["Other"]}`, false},
		{"any listed value will do", `{"source":["aws.s3","aws.ecs"]}`, true},
		{"a list matches by any of its elements", `{"detail":{"names":["payments"]}}`, true},
		{"a prefix of a list's element", `{"resources":[{"prefix":"arn:aws:ecs:"}]}`, true},
		{"a prefix", `{"detail":{"startedBy":[{"prefix":"scanjob/"}]}}`, true},
		{"a prefix in any case", `{"detail":{"startedBy":[{"prefix":{"equals-ignore-case":"SCANJOB/"}}]}}`, true},
		{"a suffix", `{"detail":{"startedBy":[{"suffix":"abc"}]}}`, true},
		{"another suffix", `{"detail":{"startedBy":[{"suffix":"abd"}]}}`, false},
		{"equality in any case", `{"detail":{"startedBy":[{"equals-ignore-case":"SCANJOB/ABC"}]}}`, true},
		{"a wildcard", `{"detail":{"startedBy":[{"wildcard":"scan*/a*c"}]}}`, true},
		{"anything but a value", `{"source":[{"anything-but":"aws.ecs"}]}`, false},
		{"anything but a list of values", `{"source":[{"anything-but":["aws.s3"]}]}`, true},
		{"anything but a prefix", `{"source":[{"anything-but":{"prefix":"aws."}}]}`, false},
		{"anything but does not hold for what is missing", `{"detail":{"none":[{"anything-but":"a"}]}}`, false},
		{"a key that exists", `{"detail":{"startedBy":[{"exists":true}]}}`, true},
		{"a key that must not exist and does", `{"detail":{"startedBy":[{"exists":false}]}}`, false},
		{"a key that must not exist below one that does not", `{"none":{"below":[{"exists":false}]}}`, true},
		{"an empty list is as good as missing", `{"detail":{"empty":[{"exists":false}]}}`, true},
		{"null is a value", `{"detail":{"desired":[null]}}`, true},
		{"true is a value", `{"detail":{"flag":[true]}}`, true},
		{"a number is not its text", `{"detail":{"version":["3"]}}`, false},
		{"a number equals itself however written", `{"detail":{"version":[3.0]}}`, true},
		{"a number in a range", `{"detail":{"version":[{"numeric":[">=",3,"<",4]}]}}`, true},
		{"a number outside a range", `{"detail":{"version":[{"numeric":[">",3]}]}}`, false},
		{"an address in a network", `{"detail":{"address":[{"cidr":"10.0.0.0/8"}]}}`, true},
		{"an address in another network", `{"detail":{"address":[{"cidr":"192.168.0.0/16"}]}}`, false},
		{"a field of any object in a list", `{"detail":{"containers":{"exitCode":[137]}}}`, true},
		{"one of two alternatives", `{"detail":{"$or":[{"version":[4]},{"flag":[true]}]}}`, true},
		{"none of two alternatives", `{"detail":{"$or":[{"version":[4]},{"flag":[false]}]}}`, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			p, err := compilePattern([]byte(row.pattern))
			if err != nil {
				t.Fatal(err)
			}
			if got := p.match(document); got != row.want {
				t.Errorf("match %v, want %v", got, row.want)
			}
		})
	}
}

func TestPatternsThatAreRefused(t *testing.T) {
	for name, text := range map[string]string{
		"an empty object":                  `{}`,
		"an empty object below a key":      `{"a":{}}`,
		"a number with a text as bound":    `{"a":[{"numeric":["<","3"]}]}`,
		"half a comparison":                `{"a":[{"numeric":["<"]}]}`,
		"an operator with two keys":        `{"a":[{"prefix":"a","suffix":"b"}]}`,
		"exists with a text":               `{"a":[{"exists":"true"}]}`,
		"one alternative":                  `{"$or":[{"a":["b"]}]}`,
		"anything but an object in a list": `{"a":[{"anything-but":[{"b":1}]}]}`,
		"a list in a list":                 `{"a":[["b"]]}`,
		"a network that is none":           `{"a":[{"cidr":"10.0.0.0/99"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := compilePattern([]byte(text)); err == nil {
				t.Errorf("%s was accepted", text)
			}
		})
	}
}

func TestQueuePolicies(t *testing.T) {
	const queue, rule = "arn:aws:sqs:us-east-1:111122223333:inbox", "arn:aws:events:us-east-1:111122223333:rule/r"
	statement := func(effect, principal, action, resource, condition string) string {
		return `{"Effect":"` + effect + `","Principal":` + principal + `,"Action":` + action + `,"Resource":"` + resource + `","Condition":` + condition + `}`
	}
	const service = `{"Service":"events.amazonaws.com"}`
	for _, row := range []struct {
		name       string
		statements []string
		want       bool
	}{
		{"no policy allows nothing", nil, false},
		{"the service, the action and the source", []string{statement("Allow", service, `"sqs:SendMessage"`, queue, `{"ArnEquals":{"aws:SourceArn":"`+rule+`"}}`)}, true},
		{"a list of actions with wildcards", []string{statement("Allow", `{"Service":["events.amazonaws.com","sns.amazonaws.com"]}`, `["sqs:Get*","SQS:Send*"]`, "*", `{}`)}, true},
		{"another source", []string{statement("Allow", service, `"sqs:SendMessage"`, queue, `{"ArnLike":{"aws:SourceArn":"`+rule+`-other"}}`)}, false},
		{"another service", []string{statement("Allow", `{"Service":"sns.amazonaws.com"}`, `"sqs:SendMessage"`, queue, `{}`)}, false},
		{"another queue", []string{statement("Allow", service, `"sqs:SendMessage"`, queue+"-other", `{}`)}, false},
		{"everybody from the account", []string{statement("Allow", `"*"`, `"sqs:*"`, queue, `{"StringEquals":{"aws:SourceAccount":"111122223333"}}`)}, true},
		{"a condition on something unknown", []string{statement("Allow", service, `"sqs:SendMessage"`, queue, `{"Bool":{"aws:SecureTransport":"true"}}`)}, false},
		{"a denial beside a permission", []string{statement("Allow", `"*"`, `"*"`, "*", `{}`), statement("Deny", service, `"sqs:SendMessage"`, queue, `{}`)}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			text := ""
			if len(row.statements) > 0 {
				text = `{"Version":"2012-10-17","Statement":[` + strings.Join(row.statements, ",") + `]}`
			}
			p, err := parsePolicy(text)
			if err != nil {
				t.Fatal(err)
			}
			if got := allowsDelivery(p, "events.amazonaws.com", "sqs:SendMessage", queue, rule); got != row.want {
				t.Errorf("allowed %v, want %v", got, row.want)
			}
		})
	}
}

func TestFargateSizes(t *testing.T) {
	for _, row := range []struct {
		cpu, memory string
		want        bool
	}{
		{"256", "512", true}, {"256", "1536", false}, {".25 vCPU", "2GB", true}, {"512", "4096", true}, {"512", "512", false},
		{"1024", "8192", true}, {"1 vCPU", "2 GB", true}, {"1024", "2500", false}, {"2048", "4096", true}, {"4096", "30720", true},
		{"4096", "31744", false}, {"8192", "20480", true}, {"8192", "17408", false}, {"16384", "122880", true}, {"3000", "8192", false},
		{"", "", false}, {"one", "2048", false},
	} {
		t.Run(row.cpu+" CPU with "+row.memory, func(t *testing.T) {
			_, refused := fargateSize(row.cpu, row.memory, "ClientException")
			if (refused == nil) != row.want {
				t.Errorf("accepted %v, want %v: %v", refused == nil, row.want, refused)
			}
		})
	}
}

func TestChunkedBodies(t *testing.T) {
	for name, row := range map[string]struct {
		packed, want string
		ok           bool
	}{
		"two chunks with signatures":  {"3;chunk-signature=a\r\nabc\r\n2;chunk-signature=b\r\nde\r\n0;chunk-signature=c\r\n\r\n", "abcde", true},
		"one chunk with a trailer":    {"3\r\nabc\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n", "abc", true},
		"a chunk that is cut":         {"9\r\nabc", "", false},
		"a body that is not chunked":  {"hello", "", false},
		"a chunk of a negative size":  {"-3\r\nabc\r\n0\r\n\r\n", "", false},
		"an empty body in one piece":  {"0\r\n\r\n", "", true},
		"a size that is not a number": {"zz\r\nabc\r\n", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := unpackChunks([]byte(row.packed))
			if string(got) != row.want || (err == nil) != row.ok {
				t.Errorf("body %q, error %v", got, err)
			}
		})
	}
}

func TestTokenExpiry(t *testing.T) {
	created := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	stoppedAfter := func(d time.Duration) *task {
		return &task{state: taskState{lastStatus: statusStopped, stoppedAt: created.Add(d)}}
	}
	for _, row := range []struct {
		name  string
		tasks []*task
		want  time.Duration
	}{
		{"a running task keeps it for a day", []*task{{state: taskState{lastStatus: statusRunning}}}, 24 * time.Hour},
		{"a task of two minutes keeps it for an hour more", []*task{stoppedAfter(2 * time.Minute)}, time.Hour + 2*time.Minute},
		{"the last of several tasks counts", []*task{stoppedAfter(2 * time.Minute), stoppedAfter(time.Hour)}, 2 * time.Hour},
		{"a task of a day and more keeps it for a day", []*task{stoppedAfter(30 * time.Hour)}, 24 * time.Hour},
		{"failures alone keep it for an hour", nil, time.Hour},
	} {
		t.Run(row.name, func(t *testing.T) {
			record := &tokenRecord{created: created, tasks: row.tasks}
			if got := record.expiry().Sub(created); got != row.want {
				t.Errorf("kept for %v, want %v", got, row.want)
			}
		})
	}
}
