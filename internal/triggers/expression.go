package triggers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/checker"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/ext"
	"k8s.io/utils/lru"
)

const (
	// expressionVariable is the variable of spec.expression.
	expressionVariable = "event"
	// expressionCostLimit bounds one evaluation in CEL's cost units. It is what the Kubernetes API server allows one
	// expression of a CustomResourceDefinition, about a tenth of a second.
	expressionCostLimit = 1_000_000
	// expressionTextSize is how long a field of the event is taken to be when the cost is estimated. The longest of
	// CodeCommit's are branch names of 256 characters; an ARN has at most 2048.
	expressionTextSize = 2048
	// expressionsCached is how many compiled expressions are kept.
	expressionsCached = 1024
)

// Expressions compiles spec.expression and remembers what it compiled.
type Expressions struct {
	env   *cel.Env
	cache *lru.Cache
}

// compiled is the outcome of one compilation.
type compiled struct {
	program cel.Program
	err     error
}

// NewExpressions fails only where CEL cannot be set up.
func NewExpressions() (*Expressions, error) {
	env, err := cel.NewEnv(
		cel.Variable(expressionVariable, cel.MapType(cel.StringType, cel.StringType)),
		// The first version that knows what its functions cost; without that, two replaces fill the memory.
		ext.Strings(ext.StringsVersion(5)),
		cel.ASTValidators(cel.ValidateRegexLiterals()),
	)
	if err != nil {
		return nil, fmt.Errorf("set up CEL: %w", err)
	}
	return &Expressions{env: env, cache: lru.New(expressionsCached)}, nil
}

// Check says what is wrong with an expression, nil where it can be evaluated. The empty expression is fine.
func (x *Expressions) Check(text string) error {
	if text == "" {
		return nil
	}
	return x.get(text).err
}

// Evaluate says whether an expression is true for an event. The expression must have passed Check.
func (x *Expressions) Evaluate(ctx context.Context, text string, fields map[string]string) (bool, error) {
	if text == "" {
		return true, nil
	}
	c := x.get(text)
	if c.err != nil {
		return false, c.err
	}
	out, _, err := c.program.ContextEval(ctx, map[string]any{expressionVariable: fields})
	if err != nil {
		return false, fmt.Errorf("evaluate the expression: %w", err)
	}
	value, ok := out.Value().(bool)
	if !ok {
		return false, errors.New("the expression is not a boolean")
	}
	return value, nil
}

func (x *Expressions) get(text string) compiled {
	if found, ok := x.cache.Get(text); ok {
		if c, ok := found.(compiled); ok {
			return c
		}
	}
	program, err := x.compile(text)
	c := compiled{program, err}
	x.cache.Add(text, c)
	return c
}

func (x *Expressions) compile(text string) (cel.Program, error) {
	checked, issues := x.env.Compile(text)
	if err := issues.Err(); err != nil {
		return nil, fmt.Errorf("it does not compile: %w", err)
	}
	if !checked.OutputType().IsExactType(cel.BoolType) {
		return nil, fmt.Errorf("it is a %s; it must be a boolean", checked.OutputType())
	}
	if unknown := unknownFields(checked); len(unknown) > 0 {
		return nil, fmt.Errorf("%s has no field %s; it has %s", expressionVariable, strings.Join(unknown, ", "), strings.Join(ExpressionFields(), ", "))
	}
	cost, err := x.env.EstimateCost(checked, sizes{})
	if err != nil {
		return nil, fmt.Errorf("estimate its cost: %w", err)
	}
	if cost.Max > expressionCostLimit {
		return nil, fmt.Errorf("it may cost too much: %d of %d units; use fewer nested loops over lists", cost.Max, expressionCostLimit)
	}
	program, err := x.env.Program(checked, cel.CostLimit(expressionCostLimit), cel.InterruptCheckFrequency(100))
	if err != nil {
		return nil, fmt.Errorf("it cannot be evaluated: %w", err)
	}
	return program, nil
}

// unknownFields returns the fields of the event that an expression names and that no event has. To CEL the event is a map
// of any keys, so a misspelt one would only be found when an event comes.
func unknownFields(checked *cel.Ast) []string {
	var unknown []string
	known := ExpressionFields()
	ast.PostOrderVisit(checked.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.SelectKind {
			return
		}
		selected := e.AsSelect()
		operand := selected.Operand()
		if operand.Kind() != ast.IdentKind || operand.AsIdent() != expressionVariable {
			return
		}
		if name := selected.FieldName(); !slices.Contains(known, name) && !slices.Contains(unknown, name) {
			unknown = append(unknown, name)
		}
	}))
	return unknown
}

// sizes tells the cost estimate how big an event is.
type sizes struct{}

// EstimateSize implements checker.CostEstimator.
func (sizes) EstimateSize(node checker.AstNode) *checker.SizeEstimate {
	if len(node.Path()) == 0 || node.Path()[0] != expressionVariable {
		return nil
	}
	if len(node.Path()) == 1 {
		return &checker.SizeEstimate{Max: uint64(len(ExpressionFields()))}
	}
	return &checker.SizeEstimate{Max: expressionTextSize}
}

// EstimateCallCost implements checker.CostEstimator: CEL's own estimates of calls stand.
func (sizes) EstimateCallCost(string, string, *checker.AstNode, []checker.AstNode) *checker.CallEstimate {
	return nil
}
