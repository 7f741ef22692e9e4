package verify

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/detect"
)

// asker asks STS.
type asker struct {
	client *sts.Client
	region string
	call   time.Duration
}

func newAsker(settings aws.Config, call time.Duration) asker {
	region := regionFor(settings.Region)
	return asker{
		client: sts.NewFromConfig(settings, func(o *sts.Options) {
			o.Region, o.Retryer, o.Credentials = region, aws.NopRetryer{}, aws.AnonymousCredentials{}
		}),
		region: region, call: call,
	}
}

// regionFor returns the region whose STS knows every key of its partition. In a region that an account has to opt into, a good key
// of another account looks like one that does not exist
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_enable-regions.html). The region of the settings is kept
// where it can be, because a network may have an endpoint only there.
func regionFor(configured string) string {
	always := []string{
		"us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1", "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3",
		"ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2",
	}
	otherPartition := regexp.MustCompile(`^(cn|us-gov|[a-z]+-iso[a-z]*|eusc)-`)
	if slices.Contains(always, configured) || otherPartition.MatchString(configured) {
		return configured
	}
	return always[0]
}

// askAll asks for pairs of one id and token, and no more than needed: where the id is not known, no secret makes it so, and it has
// one secret only.
func (a asker) askAll(ctx context.Context, pairs []detect.KeyPair) []answer {
	answers := make([]answer, len(pairs))
	var all *answer
	for i, pair := range pairs {
		if all != nil {
			answers[i] = *all
			continue
		}
		code := ""
		answers[i], code = a.ask(ctx, pair)
		switch {
		case answers[i].State == contract.VerificationVerified:
			all = &answer{Verification: invalid("the key id works, with another secret")}
		case answers[i].State == contract.VerificationInvalid && !isWrongSecret(code):
			all = &answers[i]
		}
	}
	return answers
}

// isWrongSecret tells whether the code says that the signature is of another secret, or of another time.
func isWrongSecret(code string) bool {
	return code == "SignatureDoesNotMatch" || code == "InvalidSignatureException"
}

// ask asks for one pair, and returns the code of an answer that is an error, too.
func (a asker) ask(ctx context.Context, pair detect.KeyPair) (answer, string) {
	id, secret, token := pair.Credentials()
	if pair.Temporary && token == "" {
		return answer{Verification: unknown("it works only with a session token, and none stands near it")}, ""
	}
	if ctx.Err() != nil {
		return answer{Verification: unknown("the time for trying key pairs was over")}, ""
	}
	ctx, cancel := context.WithTimeout(ctx, a.call)
	defer cancel()
	output, err := a.client.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{}, func(o *sts.Options) {
		o.Credentials = credentials.NewStaticCredentialsProvider(id, secret, token)
	})
	if err == nil {
		return identified(aws.ToString(output.Account)), ""
	}
	verification, code := a.refused(ctx, err)
	return answer{Verification: verification}, code
}

// identified is the answer for a pair of the account. What answers without one is not STS: a proxy, for instance.
func identified(account string) answer {
	if len(account) != 12 || strings.Trim(account, "0123456789") != "" {
		return answer{Verification: unknown("the answer is not one of AWS")}
	}
	return answer{Verification: contract.Verification{State: contract.VerificationVerified, Reason: "AWS named its account"}, account: account}
}

func invalid(format string, arguments ...any) contract.Verification {
	return contract.Verification{State: contract.VerificationInvalid, Reason: fmt.Sprintf(format, arguments...)}
}

// refused says what an error means. Nothing of its text is repeated: it may quote the request.
func (a asker) refused(ctx context.Context, err error) (_ contract.Verification, code string) {
	var answered smithy.APIError
	if !errors.As(err, &answered) {
		if ctx.Err() != nil {
			return unknown("AWS did not answer in time"), ""
		}
		return unknown("AWS could not be reached"), ""
	}
	code = answered.ErrorCode()
	_, throttled := retry.DefaultThrottleErrorCodes[code]
	switch {
	case code == "AccessDenied" || code == "AccessDeniedException":
		// What the caller may do is asked after who it is: a policy of the network or the organization denied a key that works.
		return contract.Verification{State: contract.VerificationVerified, Reason: "AWS knows it, and denied to name its account"}, code
	case code == "InvalidClientTokenId" || code == "UnrecognizedClientException":
		return invalid("AWS knows no such key in %s that is active", a.region), code
	case isWrongSecret(code) && !strings.Contains(answered.ErrorMessage(), "Signature expired") &&
		!strings.Contains(answered.ErrorMessage(), "Signature not yet current"):
		return invalid("the key id is in use, but the secret is not its own"), code
	case code == "ExpiredToken" || code == "ExpiredTokenException":
		return invalid("the session has expired"), code
	case throttled:
		return unknown("AWS throttled the question"), code
	case isWrongSecret(code), code == "RequestExpired", code == "RequestTimeTooSkewed":
		return unknown("the clock of this machine is wrong"), code
	case regexp.MustCompile(`^[A-Za-z.]{1,64}$`).MatchString(code):
		return unknown("AWS answered " + code), code
	}
	return unknown("AWS answered something else"), code
}
