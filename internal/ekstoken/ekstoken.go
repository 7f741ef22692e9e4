// Package ekstoken makes the tokens by which an EKS cluster knows an IAM role: a presigned question to STS who is asking, which
// the cluster sends on.
package ekstoken

import (
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"golang.org/x/oauth2"
)

const (
	// prefix marks a token of this kind.
	prefix = "k8s-aws-v1."
	// clusterHeader binds a token to one cluster.
	clusterHeader = "x-k8s-aws-id"
	// urlLifetime is what the token itself says of how long it is good for. EKS refuses tokens that say more than 15 minutes.
	urlLifetime = time.Minute
	// tokenLifetime is how long a token is used. EKS takes one for 15 minutes, whatever it says of itself.
	tokenLifetime = 14 * time.Minute
	// answerIn bounds how long the role's credentials may take to be had.
	answerIn = 5 * time.Second
)

// Source makes tokens for one cluster. It implements oauth2.TokenSource.
type Source struct {
	presign *sts.PresignClient
	cluster string
}

// New returns a source of tokens for the cluster of that name, for the role that config has the credentials of. Its region's own
// STS is asked.
func New(config aws.Config, cluster string) *Source {
	return &Source{presign: sts.NewPresignClient(sts.NewFromConfig(config)), cluster: cluster}
}

// Token returns a new token. It fails where there are no credentials.
func (s *Source) Token() (*oauth2.Token, error) {
	ctx, cancel := context.WithTimeout(context.Background(), answerIn)
	defer cancel()
	made := time.Now()
	request, err := s.presign.PresignGetCallerIdentity(ctx, &sts.GetCallerIdentityInput{}, func(o *sts.PresignOptions) {
		o.ClientOptions = append(o.ClientOptions, func(o *sts.Options) {
			o.APIOptions = append(o.APIOptions,
				smithyhttp.SetHeaderValue(clusterHeader, s.cluster),
				smithyhttp.SetHeaderValue("X-Amz-Expires", strconv.Itoa(int(urlLifetime.Seconds()))))
		})
	})
	if err != nil {
		return nil, fmt.Errorf("sign a token for the EKS cluster %s: %w", s.cluster, err)
	}
	return &oauth2.Token{
		AccessToken: prefix + base64.RawURLEncoding.EncodeToString([]byte(request.URL)),
		Expiry:      made.Add(tokenLifetime),
	}, nil
}
