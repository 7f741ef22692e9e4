package iampolicy

import (
	"fmt"
	"slices"
)

// Grant is an action or a resource in a statement.
type Grant struct {
	// Statement is the statement's Sid, or its number from 1 where it has none.
	Statement string
	// Action or Resource is the pattern; the other one is empty.
	Action, Resource string
	// Actions are those that the grant is about: the one, or all of the statement's.
	Actions []string
}

// Superfluous returns what the policies grant without need: every action and every resource of every statement without which
// all of the requests that are allowed still would be. Of two statements that grant the same thing both are named.
func Superfluous(policies []Policy, requests []Request) []Grant {
	needed := slices.DeleteFunc(slices.Clone(requests), func(r Request) bool { return !Allows(policies, r) })
	unneeded := func(p, s int, change func(*Statement)) bool {
		changed := slices.Clone(policies)
		changed[p].Statements = slices.Clone(changed[p].Statements)
		change(&changed[p].Statements[s])
		return !slices.ContainsFunc(needed, func(r Request) bool { return !Allows(changed, r) })
	}
	var found []Grant
	for p := range policies {
		for s, statement := range policies[p].Statements {
			if statement.Effect != effectAllow {
				continue
			}
			name := statement.ID
			if name == "" {
				name = fmt.Sprint(s + 1)
			}
			for i, action := range statement.Actions {
				if unneeded(p, s, func(c *Statement) { c.Actions = without(c.Actions, i) }) {
					found = append(found, Grant{Statement: name, Action: action, Actions: []string{action}})
				}
			}
			for i, resource := range statement.Resources {
				if unneeded(p, s, func(c *Statement) { c.Resources = narrowed(c.Resources, i) }) {
					found = append(found, Grant{Statement: name, Resource: resource, Actions: statement.Actions})
				}
			}
		}
	}
	return found
}

func without(list []string, i int) []string { return slices.Delete(slices.Clone(list), i, i+1) }

// narrowed is without for resources, of which an empty list would mean all of them.
func narrowed(list []string, i int) []string {
	left := without(list, i)
	if len(left) == 0 {
		return []string{""}
	}
	return left
}
