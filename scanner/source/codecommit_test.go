package source

import (
	"net/url"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

func TestCodeCommitPassword(t *testing.T) {
	now := time.Date(2026, 1, 15, 12, 30, 45, 0, time.UTC)
	credentials := aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "wJalrXUtn" + "FEMI/K7MDENG+bPxRfiCY" + "EXAMPLEKEY"}
	temporary := credentials
	temporary.SessionToken = "FQoGZXIvYXdz" + "EXAMPLETOKEN/+="
	const password = "20260115T123045Z" + "c25919d0e84f17cf3af71956f0cfbe818ad6c31bfd1b9e96b3f6e003aa467faf"
	const address = "https://git-codecommit.us-east-1.amazonaws.com/v1/repos/demo-repo"
	rows := []struct {
		name, url      string
		credentials    aws.Credentials
		user, password string
	}{
		{"long-term credentials", address, credentials, "AKIDEXAMPLE", password},
		{"the session token goes into the user name and is not signed", address, temporary, "AKIDEXAMPLE%" + temporary.SessionToken, password},
		{"the port is not signed", "https://git-codecommit.us-east-1.amazonaws.com:443/v1/repos/demo-repo", credentials, "AKIDEXAMPLE", password},
		{"a slash at the end is not signed", address + "/", credentials, "AKIDEXAMPLE", password},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			parsed, err := url.Parse(row.url)
			if err != nil {
				t.Fatal(err)
			}
			user, password := codeCommitPassword(row.credentials, "us-east-1", parsed, now)
			if user != row.user || password != row.password {
				t.Errorf("got %s %s", user, password)
			}
		})
	}
}

func TestCodeCommitRegion(t *testing.T) {
	rows := []struct{ name, host, want string }{
		{"the public name", "git-codecommit.eu-west-1.amazonaws.com", "eu-west-1"},
		{"China", "git-codecommit.cn-north-1.amazonaws.com.cn", "cn-north-1"},
		{"the FIPS name", "git-codecommit-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"},
		{"a VPC endpoint", "vpce-0a1b2c3d-4e5f.git-codecommit.us-east-2.vpce.amazonaws.com", "us-east-2"},
		{"capital letters", "Git-CodeCommit.US-East-1.amazonaws.com", "us-east-1"},
		{"another service", "sqs.us-east-1.amazonaws.com", ""},
		{"another owner's host", "git-codecommit.us-east-1.example.com", ""},
		{"an address", "127.0.0.1", ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			if got := CodeCommitRegion(row.host); got != row.want {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}
