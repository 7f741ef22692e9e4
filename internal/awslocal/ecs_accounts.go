package awslocal

import "strings"

// refuseForeign refuses an ARN of another account, as ECS does whatever there may be in that account. What is no ARN is of
// the caller's own account.
func (e *ecsService) refuseForeign(id string) *Error {
	if !strings.HasPrefix(id, "arn:") || accountOf(id) == e.server.options.Account {
		return nil
	}
	return refuse("InvalidParameterException", "Identifier is for %s. Your accountId is %s", accountOf(id), e.server.options.Account)
}
