// Package verify tries the key pairs of AWS that a scan found: it asks STS whose they are. The question changes nothing and needs
// no permission, but it is recorded in CloudTrail of the account that the pair belongs to, and a pair that is a trap tells its
// owner who asked; so nothing of this happens unless somebody switched it on.
package verify

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"golang.org/x/sync/errgroup"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/detect"
)

// Limits bound what a verification costs. Each pair is tried once, and nothing is repeated.
type Limits struct {
	// Pairs is how many pairs are tried, those of the worst findings first.
	Pairs int
	// AtOnce is how many are tried at the same time.
	AtOnce int
	// Call bounds one question, Total all of them. Total is no more than half of the time that the context has left, so that what
	// was found can still be told.
	Call, Total time.Duration
}

// DefaultLimits are far below what STS allows an account: 600 requests a second
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
func DefaultLimits() Limits {
	return Limits{Pairs: 100, AtOnce: 4, Call: 5 * time.Second, Total: 30 * time.Second}
}

// Verifier tries the pairs that findings are a part of.
type Verifier struct {
	// Pairs returns those of a finding.
	Pairs func(contract.Finding) []detect.KeyPair
	// Account says what is told of an account number.
	Account func(number string) detect.Account
	// Settings are read once there is a pair; their credentials are not used.
	Settings func(context.Context) (aws.Config, error)
	Limits   Limits
}

// answer is what came out for a pair.
type answer struct {
	contract.Verification
	account string // 12 digits, of a pair that works and says whose it is
}

// Findings returns the findings with what came out for those that are parts of key pairs. Of a finding that is part of several
// pairs, one that works counts most, then one that nobody could tell of. Its error is the cause that ctx has ended of.
func (v Verifier) Findings(ctx context.Context, findings []contract.Finding) ([]contract.Finding, error) {
	answers, err := v.try(ctx, v.distinct(findings))
	if err != nil {
		return nil, err
	}
	told := slices.Clone(findings)
	for i, finding := range told {
		if !triable(finding.Rule) {
			continue
		}
		best := answer{Verification: unknown("nothing that belongs to it stands near it")}
		for n, pair := range v.Pairs(finding) {
			one, ok := answers[pair]
			if !ok {
				one.Verification = unknown("more key pairs were found than are tried")
			}
			if n == 0 || weight(one.State) > weight(best.State) {
				best = one
			}
		}
		told[i].Verification = &best.Verification
		if best.account != "" {
			v.Account(best.account).Tell(&told[i])
		}
	}
	return told, nil
}

// triable tells whether findings of the rule can be parts of key pairs.
func triable(rule string) bool {
	return rule == detect.RuleAccessKeyID || rule == detect.RuleSecretAccessKey || rule == detect.RuleSessionToken
}

func unknown(reason string) contract.Verification {
	return contract.Verification{State: contract.VerificationUnknown, Reason: reason}
}

func weight(state contract.VerificationState) int {
	switch state {
	case contract.VerificationVerified:
		return 2
	case contract.VerificationUnknown:
		return 1
	}
	return 0
}

// distinct returns the first pairs of the findings, each once.
func (v Verifier) distinct(findings []contract.Finding) []detect.KeyPair {
	var pairs []detect.KeyPair
	known := map[detect.KeyPair]bool{}
	for _, finding := range findings {
		for _, pair := range v.Pairs(finding) {
			if !known[pair] && len(pairs) < v.Limits.Pairs {
				known[pair], pairs = true, append(pairs, pair)
			}
		}
	}
	return pairs
}

// try asks for every pair. The pairs of one id are asked for one after the other, as one answer may be that of all.
func (v Verifier) try(ctx context.Context, pairs []detect.KeyPair) (map[detect.KeyPair]answer, error) {
	answers := map[detect.KeyPair]answer{}
	if len(pairs) == 0 {
		return answers, nil
	}
	total := v.Limits.Total
	if deadline, ok := ctx.Deadline(); ok {
		total = min(total, time.Until(deadline)/2)
	}
	bounded, cancel := context.WithTimeout(ctx, total)
	defer cancel()
	settings, err := v.Settings(bounded)
	if err != nil {
		for _, pair := range pairs {
			answers[pair] = answer{Verification: unknown("the AWS settings of the environment cannot be read")}
		}
		return answers, nil
	}
	one := newAsker(settings, v.Limits.Call)
	var group errgroup.Group
	group.SetLimit(max(1, v.Limits.AtOnce))
	groups := byID(pairs)
	results := make([][]answer, len(groups))
	for i, alike := range groups {
		group.Go(func() error {
			results[i] = one.askAll(bounded, alike)
			return nil
		})
	}
	_ = group.Wait() // none of them returns an error
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	for i, alike := range groups {
		for n, pair := range alike {
			answers[pair] = results[i][n]
		}
	}
	return answers, nil
}

// byID groups the pairs by what the service looks for first.
func byID(pairs []detect.KeyPair) [][]detect.KeyPair {
	sorted := slices.Clone(pairs)
	slices.SortStableFunc(sorted, compareIDs)
	var groups [][]detect.KeyPair
	for i, pair := range sorted {
		if i == 0 || compareIDs(sorted[i-1], pair) != 0 {
			groups = append(groups, nil)
		}
		groups[len(groups)-1] = append(groups[len(groups)-1], pair)
	}
	return groups
}

func compareIDs(a, b detect.KeyPair) int {
	idA, _, tokenA := a.Credentials()
	idB, _, tokenB := b.Credentials()
	return cmp.Or(cmp.Compare(idA, idB), cmp.Compare(tokenA, tokenB))
}
