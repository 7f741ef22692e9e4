package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

// answerGit is a credential helper of git for the local CodeCommit, as `aws codecommit credential-helper` is for the real
// one: it signs with the credentials of the environment, so that none are on disk
// (https://git-scm.com/docs/gitcredentials).
func answerGit(arguments []string, in io.Reader, out io.Writer, getenv func(string) string) error {
	if len(arguments) != 1 || arguments[0] != "get" {
		return nil // git also offers to store and erase; there is nothing to keep
	}
	wanted := map[string]string{}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), "=")
		wanted[name] = value
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read git's question: %w", err)
	}
	credentials := aws.Credentials{
		AccessKeyID:     getenv("AWS_ACCESS_KEY_ID"),
		SecretAccessKey: getenv("AWS_SECRET_ACCESS_KEY"),
		SessionToken:    getenv("AWS_SESSION_TOKEN"),
	}
	if credentials.AccessKeyID == "" || credentials.SecretAccessKey == "" {
		return fmt.Errorf("sign in to %s: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set; export what the demo printed", wanted["host"])
	}
	url := wanted["protocol"] + "://" + wanted["host"] + "/" + wanted["path"]
	user, password, err := awslocal.GitLogin(credentials, getenv("AWS_REGION"), url, time.Now())
	if err != nil {
		return fmt.Errorf("sign in to %s: %w", url, err)
	}
	_, err = fmt.Fprintf(out, "username=%s\npassword=%s\n", user, password)
	return err
}
