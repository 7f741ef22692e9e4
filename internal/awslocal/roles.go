package awslocal

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/scanjob-dev/scanjob/internal/iampolicy"
)

// Role is an IAM role that principals can assume.
type Role struct {
	// ARN names it; the account may be another than the server's.
	ARN string
	// TrustPolicy says who may assume it, as JSON. Default: every AWS principal and service.
	TrustPolicy string
	// Policies are its inline policies by name, as JSON. A session of the role may do what they allow and nothing else, and
	// its calls are recorded with the permissions that they needed. Default: it may do everything.
	Policies map[string]string
	// MaxSession bounds how long sessions last, also to less than AWS ever would, for tests of renewal. Default: 12 hours.
	MaxSession time.Duration
}

// role is a Role whose policies were read.
type role struct {
	arn      string
	trust    *iampolicy.Policy // nil trusts everybody
	policies []iampolicy.Policy
	longest  time.Duration
}

func newRole(options Role) (*role, error) {
	r := &role{arn: options.ARN, longest: maxSessionSeconds * time.Second}
	if options.MaxSession > 0 {
		r.longest = options.MaxSession
	}
	if options.TrustPolicy != "" {
		trust, err := iampolicy.Parse(options.TrustPolicy)
		if err != nil {
			return nil, fmt.Errorf("trust policy of %s: %w", options.ARN, err)
		}
		r.trust = &trust
	}
	for _, name := range slices.Sorted(maps.Keys(options.Policies)) {
		p, err := iampolicy.Parse(options.Policies[name])
		if err != nil {
			return nil, fmt.Errorf("policy %s of %s: %w", name, options.ARN, err)
		}
		r.policies = append(r.policies, p)
	}
	return r, nil
}

// bound says whether policies bind the role's sessions.
func (r *role) bound() bool { return len(r.policies) > 0 }

// trusts says whether the trust policy lets a principal take an action on the role, such as sts:AssumeRole.
func (r *role) trusts(principal iampolicy.Principal, action string, context map[string][]string) bool {
	if r.trust == nil {
		return principal.Federated == ""
	}
	return iampolicy.Allows([]iampolicy.Policy{*r.trust}, iampolicy.Request{
		Principal: principal, Action: action, Resource: r.arn, Context: context,
	})
}

// admits says whether the trust policy lets a principal assume the role with tags on its session, which takes a permission
// of its own.
func (r *role) admits(principal iampolicy.Principal, context map[string][]string, tags map[string]string) bool {
	return r.trusts(principal, "sts:AssumeRole", context) &&
		(len(tags) == 0 || r.trusts(principal, "sts:TagSession", tagContext(tags)))
}

// tagContext are the condition keys of a request that sets tags.
func tagContext(tags map[string]string) map[string][]string {
	context := map[string][]string{"aws:TagKeys": slices.Sorted(maps.Keys(tags))}
	for key, value := range tags {
		context["aws:RequestTag/"+key] = []string{value}
	}
	return context
}

// policyPrincipal is how policies can name a principal.
func (p Principal) policyPrincipal() iampolicy.Principal {
	arns := []string{p.ARN}
	if p.Role != "" {
		arns = append(arns, p.Role)
	}
	return iampolicy.Principal{ARNs: arns}
}
