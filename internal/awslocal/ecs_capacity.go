package awslocal

import (
	"fmt"
	"slices"
)

// strategyItem is one item of a capacity provider strategy.
type strategyItem struct {
	CapacityProvider string `json:"capacityProvider"`
	Weight           int    `json:"weight"`
	Base             int    `json:"base"`
}

// strategyTurns remembers how a strategy's tasks were spread so far, so that the shares come out over single-task calls.
type strategyTurns struct{ credit []int }

// validateStrategy checks a strategy of RunTask against the cluster.
func validateStrategy(c *cluster, strategy []strategyItem) *Error {
	const code = "InvalidParameterException"
	if len(strategy) > 20 {
		return refuse(code, "The capacity provider strategy can have at most 20 items.")
	}
	weights, bases := 0, 0
	for _, item := range strategy {
		switch {
		case !slices.Contains(c.providers, item.CapacityProvider):
			return refuse(code, "The specified capacity provider strategy cannot contain a capacity provider that is not associated with the cluster. Associate the capacity provider with the cluster and try again.")
		case item.Weight < 0 || item.Weight > 1000:
			return refuse(code, "The weight of a capacity provider must be between 0 and 1000.")
		case item.Base < 0 || item.Base > 100000:
			return refuse(code, "The base of a capacity provider must be between 0 and 100000.")
		}
		weights += item.Weight
		if item.Base > 0 {
			bases++
		}
	}
	switch {
	case weights == 0:
		return refuse(code, "The specified capacity provider strategy must contain at least one capacity provider with a weight greater than 0.")
	case bases > 1:
		return refuse(code, "Only one capacity provider in a strategy can have a base defined.")
	}
	return nil
}

// place picks the capacity provider of each task of one call: the base first, then by weight.
func (c *cluster) place(strategy []strategyItem, count int) []string {
	var providers []string
	for _, item := range strategy {
		for range min(item.Base, count) {
			providers = append(providers, item.CapacityProvider)
		}
	}
	key := fmt.Sprint(strategy)
	turns, ok := c.turns[key]
	if !ok {
		turns = &strategyTurns{credit: make([]int, len(strategy))}
		c.turns[key] = turns
	}
	for len(providers) < count {
		providers = append(providers, turns.next(strategy))
	}
	return providers
}

// next is the provider with the most credit; each turn gives every provider its weight and takes the sum from the winner.
func (t *strategyTurns) next(strategy []strategyItem) string {
	best, sum := 0, 0
	for i, item := range strategy {
		t.credit[i] += item.Weight
		sum += item.Weight
		if t.credit[i] > t.credit[best] {
			best = i
		}
	}
	t.credit[best] -= sum
	return strategy[best].CapacityProvider
}
