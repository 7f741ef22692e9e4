package awslocal_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

// A client of another region, or a request that was signed for another service, gets nothing.
func TestSignatureOfAnotherScopeIsRefused(t *testing.T) {
	server := start(t, awslocal.Options{})
	elsewhere := server.Config()
	elsewhere.Region = "eu-west-1"
	_, err := ecs.NewFromConfig(elsewhere).DescribeClusters(t.Context(), &ecs.DescribeClustersInput{})
	wantCode(t, err, "InvalidSignatureException")

	signer := v4.NewSigner()
	c, err := server.Config().Credentials.Retrieve(t.Context())
	noError(t, err)
	body := "Action=GetCallerIdentity&Version=2011-06-15"
	hash := sha256.Sum256([]byte(body))
	for _, row := range []struct {
		name, service, declared string
		status                  int
	}{
		{"its own service", "sts", "", http.StatusOK},
		{"another service", "ecs", "", http.StatusForbidden},
		{"another body", "sts", strings.Repeat("0", 64), http.StatusBadRequest},
	} {
		t.Run(row.name, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL(), strings.NewReader(body))
			noError(t, err)
			request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			payload := hex.EncodeToString(hash[:])
			if row.declared != "" {
				payload = row.declared
				request.Header.Set("X-Amz-Content-Sha256", payload)
			}
			noError(t, signer.SignHTTP(t.Context(), c, request, payload, row.service, server.Region(), time.Now()))
			response, err := http.DefaultClient.Do(request)
			noError(t, err)
			noError(t, response.Body.Close())
			if response.StatusCode != row.status {
				t.Errorf("status %d, want %d", response.StatusCode, row.status)
			}
		})
	}
}
