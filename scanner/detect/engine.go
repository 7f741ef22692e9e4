package detect

import (
	"crypto/rand"
	"fmt"
	"slices"
	"sync"

	"github.com/scanjob-dev/scanjob/scanner/rules"
)

// Options say how an Engine works. All may be left out.
type Options struct {
	// Accounts are those of the organization: a finding says whether its account is one of them.
	Accounts []OwnAccount
	// Depth is how many encodings within one another are undone. Default: DefaultDepth; negative: none.
	Depth int
	// KeyPairs keeps the key pairs of AWS that are found, for whoever tries them; see Engine.KeyPairs.
	KeyPairs bool
}

// DefaultDepth is how many encodings within one another are undone where Options say nothing else.
const DefaultDepth = 4

// Engine looks for what a set of rules describes. It does not change once it is made, and is shared by goroutines: each has
// a Detector of its own. What a Match has in Key is comparable between the detectors of one engine.
type Engine struct {
	set      *rules.Set
	accounts map[string]string // names, by number
	depth    int
	salt     []byte
	costly   *costlyDigests
	pairs    *keyPairs // nil where none are kept

	// code are the rules of the set that are found by code here.
	code map[string]*rules.Rule
	// expressions are the others that look at contents, paths those that look at paths alone.
	expressions []expression
	paths       []*rules.Rule
	// search returns what finds the literals, and what each of them leads to, by its place there. Both are made for the first
	// byte that is scanned.
	search func() (*prefilter, [][]action)
	// everywhere are the expressions that have no literals.
	everywhere []int
	// conditions are the expressions for paths that decide what is found in a content.
	conditions []*rules.Regexp
	// skipsZeros tells that nothing that the rules look for begins with a zero byte.
	skipsZeros bool
	// linked are the rules that others require, or that require others.
	linked map[string]bool
}

// action is what a literal leads to: code, or the expression of a rule.
type action struct {
	code       func(w *window, at int, report func(hit))
	expression int
}

// NewEngine returns an engine for the rules of the set.
func NewEngine(set *rules.Set, options Options) (*Engine, error) {
	e := &Engine{
		set: harmless(set), accounts: map[string]string{}, depth: options.Depth, salt: make([]byte, 32), code: map[string]*rules.Rule{}, linked: map[string]bool{},
		costly: newCostlyDigests(), conditions: conditionsOf(set),
	}
	if e.depth == 0 {
		e.depth = DefaultDepth
	}
	if options.KeyPairs {
		e.pairs = newKeyPairs()
	}
	for _, account := range options.Accounts {
		if err := account.check(); err != nil {
			return nil, fmt.Errorf("account %q: %w", account.Number, err)
		}
		e.accounts[account.Number] = account.Name
	}
	if _, err := rand.Read(e.salt); err != nil {
		return nil, fmt.Errorf("draw the salt of the engine: %w", err)
	}
	return e, e.compile()
}

// harmless returns the set with the texts of its rules as terminals may show them: a configuration is often that of the repository
// which is scanned.
func harmless(set *rules.Set) *rules.Set {
	if !hasHarmful(set.Rules) {
		return set
	}
	shown := *set
	shown.Rules = slices.Clone(set.Rules)
	for i := range shown.Rules {
		rule := &shown.Rules[i]
		rule.Description, rule.Advice, rule.Links = escape(rule.Description), escape(rule.Advice), slices.Clone(rule.Links)
		for j, link := range rule.Links {
			rule.Links[j] = escape(link)
		}
	}
	return &shown
}

// hasHarmful tells whether a text of the rules is not what a terminal may show. It is no more than reading, and what is built in has
// none.
func hasHarmful(all []rules.Rule) bool {
	for i := range all {
		rule := &all[i]
		if !isPlain(rule.Description) || !isPlain(rule.Advice) || slices.ContainsFunc(rule.Links, func(link string) bool { return !isPlain(link) }) {
			return true
		}
	}
	return false
}

// compile sorts the rules by how they are found.
func (e *Engine) compile() error {
	var leads []lead
	for i := range e.set.Rules {
		rule := &e.set.Rules[i]
		switch {
		case rule.Code:
			e.code[rule.ID] = rule
			for _, code := range codeOf(rule.ID) {
				leads = append(leads, lead{code.literal, action{code: code.find, expression: -1}})
			}
		case rule.Regexp == nil:
			e.paths = append(e.paths, rule)
		default:
			number := len(e.expressions)
			e.expressions = append(e.expressions, newExpression(rule))
			for _, literal := range rule.Literals {
				leads = append(leads, lead{literal, action{expression: number}})
			}
			if len(rule.Literals) == 0 {
				e.everywhere = append(e.everywhere, number)
			}
		}
		for _, required := range rule.Required {
			e.linked[rule.ID], e.linked[required.ID] = true, true
		}
	}
	e.skipsZeros = len(e.everywhere) == 0 && !slices.ContainsFunc(leads, func(l lead) bool { return l.literal[0] == 0 })
	e.search = sync.OnceValues(func() (*prefilter, [][]action) { return gather(leads) })
	if len(leads) > mostLiterals { // which are not all different
		if literals, _ := e.search(); len(literals.literals) > mostLiterals {
			return fmt.Errorf("the rules have %d keywords, the limit is %d", len(literals.literals), mostLiterals)
		}
	}
	return nil
}

// lead is a literal and what it leads to.
type lead struct {
	literal string
	to      action
}

// gather returns a prefilter for the literals, and what each leads to.
func gather(leads []lead) (*prefilter, [][]action) {
	place := make(map[string]int, len(leads))
	var literals []string
	var actions [][]action
	for _, l := range leads {
		at, ok := place[l.literal]
		if !ok {
			at = len(literals)
			place[l.literal], literals, actions = at, append(literals, l.literal), append(actions, nil)
		}
		actions[at] = append(actions[at], l.to)
	}
	return newPrefilter(literals), actions
}

// Detector returns the memory of one goroutine.
func (e *Engine) Detector() *Detector {
	return &Detector{
		engine: e, ends: make([]int, len(e.expressions)),
		machines: make([]*machine, len(e.expressions)),
	}
}

// Rules returns the rules of the engine and the one for what is not scanned.
func (e *Engine) Rules() []Rule { return slices.Concat(e.set.Rules, []Rule{notScannedRule()}) }

// RuleOf returns the rule with the identifier, or a rule of that identifier without texts.
func (e *Engine) RuleOf(id string) Rule {
	if rule, ok := e.set.Rule(id); ok {
		return rule
	}
	return RuleOf(id)
}
