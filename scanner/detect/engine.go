package detect

import (
	"crypto/rand"
	"fmt"
	"slices"

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
	paths       []rules.Rule
	literals    *prefilter
	// actions are by the literal's place in the prefilter.
	actions [][]action
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

// compile sorts the rules by how they are found, and gathers the literals that lead to them.
func (e *Engine) compile() error {
	place := map[string]int{}
	var literals []string
	lead := func(literal string, to action) {
		at, ok := place[literal]
		if !ok {
			at = len(literals)
			place[literal], literals, e.actions = at, append(literals, literal), append(e.actions, nil)
		}
		e.actions[at] = append(e.actions[at], to)
	}
	for i, rule := range e.set.Rules {
		switch {
		case rule.Code:
			e.code[rule.ID] = &e.set.Rules[i]
			for _, code := range codeOf(rule.ID) {
				lead(code.literal, action{code: code.find, expression: -1})
			}
		case rule.Regexp == nil:
			e.paths = append(e.paths, rule)
		default:
			number := len(e.expressions)
			e.expressions = append(e.expressions, newExpression(e.set, rule))
			for _, literal := range rule.Literals {
				lead(literal, action{expression: number})
			}
			if len(rule.Literals) == 0 {
				e.everywhere = append(e.everywhere, number)
			}
		}
		for _, required := range rule.Required {
			e.linked[rule.ID], e.linked[required.ID] = true, true
		}
	}
	if len(literals) > mostLiterals {
		return fmt.Errorf("the rules have %d keywords, the limit is %d", len(literals), mostLiterals)
	}
	e.literals = newPrefilter(literals)
	e.skipsZeros = len(e.everywhere) == 0 && !slices.ContainsFunc(literals, func(literal string) bool { return literal[0] == 0 })
	return nil
}

// Detector returns the memory of one goroutine.
func (e *Engine) Detector() *Detector {
	return &Detector{
		engine: e, buffer: make([]byte, windowBehind+windowFresh+windowAhead), ends: make([]int, len(e.expressions)),
		machines: make([]*machine, len(e.expressions)),
	}
}

// Rules returns the rules of the engine and the one for what is not scanned.
func (e *Engine) Rules() []Rule { return append(slices.Clone(e.set.Rules), notScannedRule()) }

// RuleOf returns the rule with the identifier, or a rule of that identifier without texts.
func (e *Engine) RuleOf(id string) Rule {
	if rule, ok := e.set.Rule(id); ok {
		return rule
	}
	return RuleOf(id)
}
