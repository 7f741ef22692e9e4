package iampolicy

import (
	"slices"
	"strings"
)

// Request is one thing that somebody asks to do.
type Request struct {
	// Principal is who asks; identity policies do not look at it.
	Principal Principal
	// Action is the IAM action, such as ecs:RunTask.
	Action string
	// Resource is the ARN of what it is done to, or * for an action that has no resources of its own.
	Resource string
	// Context are the values of the condition keys that are present.
	Context map[string][]string
}

// Principal is who asks, as far as policies can name it.
type Principal struct {
	// ARNs name an AWS principal: of a role's session its own and the role's.
	ARNs []string
	// Service is the name of an AWS service that asks.
	Service string
	// Federated is the ARN of the identity provider that vouches for somebody outside of AWS.
	Federated string
}

// Allows says whether the policies together allow a request.
func Allows(policies []Policy, r Request) bool {
	allowed := false
	for _, p := range policies {
		for _, s := range p.Statements {
			if !s.covers(r) {
				continue
			}
			if s.Effect == effectDeny {
				return false
			}
			allowed = true
		}
	}
	return allowed
}

// covers says whether the statement speaks of the request.
func (s Statement) covers(r Request) bool {
	return s.Principal.covers(r.Principal) &&
		slices.ContainsFunc(s.Actions, func(a string) bool { return match(strings.ToLower(a), strings.ToLower(r.Action)) }) &&
		(len(s.Resources) == 0 || slices.ContainsFunc(s.Resources, func(pattern string) bool { return match(pattern, r.Resource) })) &&
		!slices.ContainsFunc(s.Conditions, func(c Condition) bool { return !c.holds(r.Context) })
}

// covers is true for the absent element of an identity policy.
func (e *PrincipalElement) covers(p Principal) bool {
	switch {
	case e == nil, e.Any:
		return true
	case p.Service != "":
		return slices.Contains(e.Service, p.Service)
	case p.Federated != "":
		return slices.Contains(e.Federated, p.Federated)
	}
	return slices.ContainsFunc(e.AWS, func(named string) bool {
		if named == "*" {
			return true
		}
		account, isAccount := accountElement(named)
		return slices.ContainsFunc(p.ARNs, func(arn string) bool { return arn == named || isAccount && accountOf(arn) == account })
	})
}

// accountElement reads the two ways to name a whole account: its number and its root.
func accountElement(named string) (account string, ok bool) {
	if !strings.Contains(named, ":") {
		return named, true
	}
	if strings.HasSuffix(named, ":root") {
		return accountOf(named), true
	}
	return "", false
}
