package scanjob

import (
	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// fallsBack says whether the job has used up its attempts for want of Spot capacity and may run once more on FARGATE.
func fallsBack(job *scanv1.ScanJob, environment *scanv1.ScanEnvironment) bool {
	if environment == nil || !usesSpot(environment) {
		return false
	}
	if fallback := environment.Spec.Capacity.OnDemandFallback; fallback != nil && !*fallback {
		return false
	}
	last := lastSpoiled(job)
	return last != nil && last.CapacityMissed && !last.OnDemandFallback &&
		spoiled(job, scanv1.ClassInfrastructure) > *job.Spec.InfrastructureBackoffLimit
}

func usesSpot(environment *scanv1.ScanEnvironment) bool {
	for _, item := range environment.Spec.Capacity.Strategy {
		if item.CapacityProvider == scanv1.CapacityProviderFargateSpot && (item.Weight > 0 || item.Base > 0) {
			return true
		}
	}
	return false
}

// strategyOf returns the strategy that an attempt asks for.
func strategyOf(attempt *scanv1.Attempt, environment *scanv1.ScanEnvironment) []scanv1.CapacityProviderStrategyItem {
	if attempt.OnDemandFallback {
		return []scanv1.CapacityProviderStrategyItem{{CapacityProvider: scanv1.CapacityProviderFargate, Weight: 1}}
	}
	return environment.Spec.Capacity.Strategy
}
