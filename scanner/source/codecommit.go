package source

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/failure"
)

// auth returns what authenticates the next operation; a signature is valid for about 15 minutes, so each operation gets
// its own.
func (r Request) auth(ctx context.Context) (transport.AuthMethod, error) {
	if r.Auth != contract.AuthCodeCommit {
		return nil, nil
	}
	if r.Credentials == nil {
		return nil, failure.Request(nil, "no AWS credentials: give the task definition a task role that allows codecommit:GitPull")
	}
	credentials, err := r.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, failure.Temporary(err, "the AWS credentials of the task could not be read: check that the task definition has a "+
			"task role and that the network of the task reaches the credentials endpoint")
	}
	address, err := url.Parse(r.URL)
	if err != nil {
		return nil, failure.Request(nil, "%s is no URL", contract.EnvSourceURL)
	}
	region := CodeCommitRegion(address.Hostname())
	if region == "" {
		region = r.Region
	}
	if region == "" {
		return nil, failure.Request(nil, "the region of the repository is unknown: set AWS_REGION")
	}
	user, password := codeCommitPassword(credentials, region, address, time.Now())
	return &githttp.BasicAuth{Username: user, Password: password}, nil
}

// CodeCommitRegion returns the region in a CodeCommit host name (also of FIPS and VPC endpoints), or an empty text where
// the name is not of that form.
func CodeCommitRegion(host string) string {
	host = strings.ToLower(host)
	if !strings.HasSuffix(host, ".amazonaws.com") && !strings.HasSuffix(host, ".amazonaws.com.cn") {
		return ""
	}
	labels := strings.Split(host, ".")
	for i, label := range labels[:len(labels)-1] {
		if label == "git-codecommit" || label == "git-codecommit-fips" {
			return labels[i+1]
		}
	}
	return ""
}

// codeCommitPassword returns the user name and password of HTTP Basic authentication that CodeCommit derives from AWS
// credentials: a signature of version 4 over the method GIT, the path and the host, without a payload.
func codeCommitPassword(credentials aws.Credentials, region string, address *url.URL, now time.Time) (user, password string) {
	stamp := now.UTC().Format("20060102T150405")
	day := stamp[:8]
	path := strings.TrimSuffix(address.EscapedPath(), "/")
	canonical := sha256.Sum256([]byte("GIT\n" + path + "\n\nhost:" + address.Hostname() + "\n\nhost\n"))
	scope := day + "/" + region + "/codecommit/aws4_request"
	toSign := "AWS4-HMAC-SHA256\n" + stamp + "\n" + scope + "\n" + hex.EncodeToString(canonical[:])
	key := []byte("AWS4" + credentials.SecretAccessKey)
	for _, part := range []string{day, region, "codecommit", "aws4_request"} {
		key = keyedHash(key, part)
	}
	user = credentials.AccessKeyID
	if credentials.SessionToken != "" {
		user += "%" + credentials.SessionToken
	}
	return user, stamp + "Z" + hex.EncodeToString(keyedHash(key, toSign))
}

func keyedHash(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
