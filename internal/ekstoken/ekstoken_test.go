package ekstoken_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/scanjob-dev/scanjob/internal/ekstoken"
	"github.com/scanjob-dev/scanjob/internal/ekstoken/ekstest"
)

// AWS's documented examples.
const exampleID, exampleSecret = "AKIA" + "IOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY"

func TestTokenIsAQuestionToSTSThatTheClusterCanAsk(t *testing.T) {
	for name, session := range map[string]string{"a user's keys": "", "a role's session": strings.Repeat("session/+=", 120)} {
		t.Run(name, func(t *testing.T) {
			keys := aws.Credentials{AccessKeyID: exampleID, SecretAccessKey: exampleSecret, SessionToken: session}
			config := aws.Config{Region: "eu-west-1", Credentials: credentials.StaticCredentialsProvider{Value: keys}}
			before := time.Now()
			token, err := ekstoken.New(config, "main").Token()
			if err != nil {
				t.Fatal(err)
			}
			if err := ekstest.Verify(t.Context(), token.AccessToken, "main", keys, time.Now()); err != nil {
				t.Error(err)
			}
			plain, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(token.AccessToken, "k8s-aws-v1."))
			if err != nil {
				t.Fatal(err)
			}
			asked, err := url.Parse(string(plain))
			if err != nil {
				t.Fatal(err)
			}
			if asked.Scheme != "https" || asked.Host != "sts.eu-west-1.amazonaws.com" {
				t.Errorf("it asks %s, want the region's own STS", asked.Host)
			}
			if kept := token.Expiry.Sub(before); kept < 13*time.Minute || kept >= 15*time.Minute {
				t.Errorf("it is kept for %v; EKS takes it for 15 minutes", kept)
			}
			if token.Type() != "Bearer" {
				t.Errorf("type %s", token.Type())
			}
			for other, refused := range map[string]error{
				"another cluster":   ekstest.Verify(t.Context(), token.AccessToken, "other", keys, time.Now()),
				"another secret":    ekstest.Verify(t.Context(), token.AccessToken, "main", aws.Credentials{AccessKeyID: exampleID, SecretAccessKey: "x", SessionToken: session}, time.Now()),
				"16 minutes later":  ekstest.Verify(t.Context(), token.AccessToken, "main", keys, time.Now().Add(16*time.Minute)),
				"a changed request": ekstest.Verify(t.Context(), "k8s-aws-v1."+base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(plain), "eu-west-1", "us-east-1", 1))), "main", keys, time.Now()),
			} {
				if refused == nil {
					t.Errorf("%s takes the token too", other)
				}
			}
		})
	}
}

func TestTokenNeedsCredentials(t *testing.T) {
	none := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, errors.New("there are none") })
	_, err := ekstoken.New(aws.Config{Region: "eu-west-1", Credentials: none}, "main").Token()
	if err == nil || !strings.Contains(err.Error(), "EKS cluster main") || !strings.Contains(err.Error(), "there are none") {
		t.Errorf("error = %v", err)
	}
}
