package scanenvironment

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// callerTimeout bounds the question who asks, which a network without a way to STS leaves open.
const callerTimeout = 5 * time.Second

// accountOf returns the account in an ARN or in the URL of a queue; empty where there is none.
func accountOf(identifier string) string {
	if parsed, err := arn.Parse(identifier); err == nil {
		return parsed.AccountID
	}
	parsed, err := url.Parse(identifier)
	if err != nil {
		return ""
	}
	account, _, found := strings.Cut(strings.TrimPrefix(parsed.Path, "/"), "/")
	if !found {
		return ""
	}
	return account
}

// suspectAccounts adds to what is wrong with a reference that its account is not the one that asks, which is the cause more
// often than a missing permission. A reference that can be used may be of any account.
func (c *check) suspectAccounts(ctx context.Context, references []reference) {
	caller := ""
	for i := range references {
		ref := &references[i]
		account := accountOf(ref.identifier)
		if ref.problem == nil || ref.problem.unknown || account == "" {
			continue
		}
		if caller == "" {
			caller = c.caller(ctx)
		}
		if caller == "" {
			return
		}
		if account != caller {
			ref.problem.message = shorten(fmt.Sprintf("%s; it is of account %s, and AWS is asked as account %s: correct the account, or set assumeRoleARN to a role of it",
				ref.problem.message, account, caller))
		}
	}
}

// caller returns the account that asks; empty where AWS does not tell. No permission is needed to ask for that.
func (c *check) caller(ctx context.Context) string {
	if c.spec.AssumeRoleARN != "" {
		return accountOf(c.spec.AssumeRoleARN)
	}
	ctx, cancel := context.WithTimeout(ctx, callerTimeout)
	defer cancel()
	identity, err := c.clients.STS.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "" // it would only have explained what is already told
	}
	return aws.ToString(identity.Account)
}

// foreignRole says which role of a task definition is of another account than the definition, or nothing. ECS passes no
// role across accounts.
func foreignRole(definition *ecstypes.TaskDefinition) string {
	own := accountOf(aws.ToString(definition.TaskDefinitionArn))
	for _, role := range []struct{ field, arn string }{
		{"executionRoleArn", aws.ToString(definition.ExecutionRoleArn)},
		{"taskRoleArn", aws.ToString(definition.TaskRoleArn)},
	} {
		if account := accountOf(role.arn); account != "" && account != own {
			return fmt.Sprintf("its %s %s is of account %s, and the task definition of %s; register it with a role of its own account", role.field, role.arn, account, own)
		}
	}
	return ""
}
