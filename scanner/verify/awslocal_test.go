package verify_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
	"github.com/scanjob-dev/scanjob/scanner/detect"
	"github.com/scanjob-dev/scanjob/scanner/planted"
	"github.com/scanjob-dev/scanjob/scanner/verify"
)

// A server that checks signatures knows the pair of a user, and no other.
func TestKeysOfAUser(t *testing.T) {
	var names []string
	for i := range 40 {
		names = append(names, fmt.Sprint("user-", i))
	}
	server, err := awslocal.Start(awslocal.Options{Container: awslocal.ExitWith(0), Users: names})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	user := decodable(t, server, names)
	for _, row := range []struct {
		name, id, secret string
		want             contract.VerificationState
	}{
		{"both are right", user.AccessKeyID, user.SecretAccessKey, contract.VerificationVerified},
		{"the secret is another's", user.AccessKeyID, planted.Secret(), contract.VerificationInvalid},
		{"nobody has the id", newPair(t).ID, user.SecretAccessKey, contract.VerificationInvalid},
	} {
		t.Run(row.name, func(t *testing.T) {
			findings, engine := scanned(t, row.id+"\n"+row.secret+"\n")
			told, err := verify.Verifier{
				Pairs: engine.KeyPairs, Account: engine.Account, Limits: limits(),
				Settings: func(context.Context) (aws.Config, error) { return server.Config(), nil },
			}.Findings(t.Context(), findings)
			if err != nil || len(told) != 2 {
				t.Fatalf("%d findings, error %v", len(told), err)
			}
			for _, finding := range told {
				if finding.Verification.State != row.want {
					t.Errorf("%s: %+v, want %s", finding.Rule, finding.Verification, row.want)
				}
			}
		})
	}
}

// decodable returns the credentials of a user whose random key id has the form of AWS's.
func decodable(t *testing.T, server *awslocal.Server, names []string) aws.Credentials {
	t.Helper()
	for _, name := range names {
		user, err := server.User(name)
		if err != nil {
			t.Fatal(err)
		}
		if account, _ := detect.DecodeAccount(user.Credentials.AccessKeyID); account != "" {
			return user.Credentials
		}
	}
	t.Fatal("none of the key ids can be decoded")
	return aws.Credentials{}
}
