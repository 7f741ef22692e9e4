package iampolicy_test

import (
	"strings"
	"testing"

	"github.com/scanjob-dev/scanjob/internal/iampolicy"
)

// parse reads a policy of statements.
func parse(t *testing.T, statements ...string) iampolicy.Policy {
	t.Helper()
	p, err := iampolicy.Parse(document(statements...))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func document(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

func TestParseRefusesWhatItWouldNotHeed(t *testing.T) {
	const good = `{"Effect":"Allow","Action":"ecs:RunTask","Resource":"*"}`
	for _, row := range []struct{ name, text, want string }{
		{"no JSON", `Allow everything`, "invalid character"},
		{"the older version of the language", `{"Version":"2008-10-17","Statement":[` + good + `]}`, `Version is "2008-10-17"`},
		{"no version, which means the older one", `{"Statement":[` + good + `]}`, `Version is ""`},
		{"no statement", document(), "it has no statement"},
		{"something after the policy", document(good) + good, "something follows"},
		{"an element that is not read", document(`{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}`), `unknown field "NotAction"`},
		{"an element with a slip", document(`{"Effect":"Allow","Action":"ecs:RunTask","Resource":"*","Conditions":{}}`), `unknown field "Conditions"`},
		{"a kind of principal that is not read", document(`{"Effect":"Allow","Principal":{"CanonicalUser":"x"},"Action":"s3:*"}`), `unknown field "CanonicalUser"`},
		{"an effect in small letters", document(`{"Effect":"allow","Action":"ecs:RunTask","Resource":"*"}`), "want Allow or Deny"},
		{"no action", document(`{"Effect":"Allow","Resource":"*"}`), "it has no action"},
		{"an action without a service", document(`{"Effect":"Allow","Action":"RunTask","Resource":"*"}`), `action "RunTask" has no service`},
		{"neither a resource nor a principal", document(`{"Effect":"Allow","Action":"ecs:RunTask"}`), "neither a resource nor a principal"},
		{"an action that is a number", document(`{"Effect":"Allow","Action":7,"Resource":"*"}`), "neither a text nor a list of texts"},
		{"an operator that is not known", document(`{"Effect":"Allow","Action":"a:b","Resource":"*","Condition":{"StringIs":{"k":"v"}}}`), "StringIs is not supported"},
		{"a quantifier that is not known", document(`{"Effect":"Allow","Action":"a:b","Resource":"*","Condition":{"ForSome:StringEquals":{"k":"v"}}}`), "is not supported"},
		{"a condition without a value", document(`{"Effect":"Allow","Action":"a:b","Resource":"*","Condition":{"StringEquals":{"k":[]}}}`), "has no value"},
		{"a policy variable", document(`{"Effect":"Allow","Action":"a:b","Resource":"arn:aws:s3:::b/${aws:username}"}`), "policy variables"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := iampolicy.Parse(row.text)
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v, want an error with %q", err, row.want)
			}
		})
	}
}
