package awslocal

import (
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// GitLogin returns the user name and password with which a Git client reaches a repository of CodeCommit, as the AWS CLI's
// credential helper computes them. They are valid for about 15 minutes.
func GitLogin(credentials aws.Credentials, region, cloneURL string, now time.Time) (user, password string, err error) {
	address, err := url.Parse(cloneURL)
	if err != nil {
		return "", "", err
	}
	stamp := now.UTC().Format(gitTimeFormat)
	return gitUser(credentials), gitPassword(credentials.SecretAccessKey, region, address.Hostname(), address.EscapedPath(), stamp), nil
}

// gitUser is the user name that goes with a signature: the access key, and the session token where there is one.
func gitUser(credentials aws.Credentials) string {
	if credentials.SessionToken == "" {
		return credentials.AccessKeyID
	}
	return credentials.AccessKeyID + "%" + credentials.SessionToken
}
