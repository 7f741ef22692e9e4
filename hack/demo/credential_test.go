package main

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/scanjob-dev/scanjob/internal/devstack"
)

func TestTheCredentialHelperSignsInToCodeCommit(t *testing.T) {
	stack, err := devstack.Start(t.Context(), devstack.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stack.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := stack.CreateRepository(t.Context(), "payments"); err != nil {
		t.Fatal(err)
	}
	who, err := stack.AWS.User(devstack.Developer)
	if err != nil {
		t.Fatal(err)
	}
	question := "protocol=http\nhost=" + strings.TrimPrefix(stack.AWS.URL(), "http://") + "\npath=v1/repos/payments\n"

	for name, row := range map[string]struct {
		secret string
		want   int
	}{
		"with the key of the environment": {who.Credentials.SecretAccessKey, http.StatusOK},
		"with another key it is refused":  {strings.Repeat("x", 40), http.StatusForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			environment := map[string]string{
				"AWS_ACCESS_KEY_ID": who.Credentials.AccessKeyID, "AWS_SECRET_ACCESS_KEY": row.secret, "AWS_REGION": stack.AWS.Region(),
			}
			var answer bytes.Buffer
			err := answerGit([]string{"get"}, strings.NewReader(question), &answer, func(name string) string { return environment[name] })
			if err != nil {
				t.Fatal(err)
			}
			user, password, ok := strings.Cut(strings.TrimPrefix(answer.String(), "username="), "\npassword=")
			if !ok {
				t.Fatalf("the answer is %q", answer.String())
			}
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, stack.AWS.GitURL("payments")+"/info/refs?service=git-upload-pack", nil)
			if err != nil {
				t.Fatal(err)
			}
			request.SetBasicAuth(user, strings.TrimSuffix(password, "\n"))
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if response.StatusCode != row.want {
				t.Errorf("status is %s, want %d", response.Status, row.want)
			}
		})
	}
}

func TestTheCredentialHelperAsksForMissingCredentials(t *testing.T) {
	var answer bytes.Buffer
	err := answerGit([]string{"get"}, strings.NewReader("host=127.0.0.1\n"), &answer, func(string) string { return "" })
	if err == nil || !strings.Contains(err.Error(), "export what the demo printed") {
		t.Errorf("error is %v, want one that says what to export", err)
	}
	for _, other := range []string{"store", "erase"} {
		if err := answerGit([]string{other}, strings.NewReader(""), &answer, func(string) string { return "" }); err != nil || answer.Len() > 0 {
			t.Errorf("%s: error %v, answer %q, want nothing", other, err, answer.String())
		}
	}
}
