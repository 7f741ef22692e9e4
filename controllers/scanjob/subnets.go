package scanjob

import (
	"slices"
	"strings"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// subnetsOf returns the subnets of the job's next attempt: those of the environment without the ones that had no free
// addresses for an earlier attempt. Where ECS did not say which one it was, they are left out in turn; where all are full,
// all are tried again. Nil where that is what the environment has.
func subnetsOf(job *scanv1.ScanJob, all []string) []string {
	full, unnamed := map[string]bool{}, 0
	for i := range job.Status.Attempts {
		reason := job.Status.Attempts[i].Reason
		if !strings.Contains(strings.ToLower(reason), "insufficientfreeaddresses") {
			continue
		}
		named := false
		for _, subnet := range all {
			if strings.Contains(reason, subnet) {
				full[subnet], named = true, true
			}
		}
		if !named && len(all) > 0 {
			full[all[unnamed%len(all)]] = true
			unnamed++
		}
	}
	left := slices.DeleteFunc(slices.Clone(all), func(subnet string) bool { return full[subnet] })
	if len(full) == 0 || len(left) == 0 {
		return nil
	}
	return left
}

// subnetsFor returns what an attempt asks for.
func subnetsFor(attempt *scanv1.Attempt, environment *scanv1.ScanEnvironment) []string {
	if len(attempt.Subnets) > 0 {
		return attempt.Subnets
	}
	return environment.Status.Resolved.Subnets
}
