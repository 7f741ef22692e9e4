package rules

import (
	"bytes"
	"fmt"
	"go/format"
	"io/fs"
	"os"
	"reflect"
	"testing"

	"github.com/scanjob-dev/scanjob/scanner/rules/builtin"
)

const generated = "builtin_generated.go"

// TestTheGeneratedRulesAreThoseOfTheFiles has the built-in rules as Go agree with their TOML. With UPDATE_RULES in the environment it writes them anew.
func TestTheGeneratedRulesAreThoseOfTheFiles(t *testing.T) {
	update := os.Getenv("UPDATE_RULES") != ""
	var out bytes.Buffer
	out.WriteString("// Code generated from the rules in builtin by go generate. DO NOT EDIT.\n\npackage rules\n\n" +
		"// builtinDocuments returns the built-in rules as their files have them.\nfunc builtinDocuments() []document {\nreturn []document{\n")
	names, err := fs.Glob(builtin.Files, "*.toml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := builtin.Files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		d, unknown, err := decode(string(text))
		if err != nil || len(unknown) > 0 {
			t.Fatalf("%s: %v, unknown keys %q", name, err, unknown)
		}
		for i := range d.Rules {
			d.Rules[i].literals = literalsOfAny(d.Rules[i].Names)
		}
		fmt.Fprintf(&out, "{ // %s\n", name)
		printFields(&out, reflect.ValueOf(d))
		out.WriteString("},\n")
	}
	out.WriteString("}\n}\n")
	want, err := format.Source(out.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if update {
		if err := os.WriteFile(generated, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(generated)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the rules in builtin say: run go generate ./scanner/rules", generated)
	}
}

// printFields prints the fields of a struct that are not zero, as in a composite literal.
func printFields(out *bytes.Buffer, of reflect.Value) {
	for i := range of.NumField() {
		if field := of.Field(i); !field.IsZero() {
			fmt.Fprintf(out, "%s: ", of.Type().Field(i).Name)
			printValue(out, field)
			out.WriteString(",\n")
		}
	}
}

func printValue(out *bytes.Buffer, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.Elem().Kind() == reflect.Struct {
			out.WriteString("&")
			printValue(out, v.Elem())
			return
		}
		fmt.Fprintf(out, "new(%#v)", v.Elem())
	case reflect.Struct:
		fmt.Fprintf(out, "%s{\n", v.Type().Name())
		printFields(out, v)
		out.WriteString("}")
	case reflect.Slice:
		if v.Type().Elem().Kind() != reflect.Struct {
			fmt.Fprintf(out, "%#v", v)
			return
		}
		fmt.Fprintf(out, "[]%s{\n", v.Type().Elem().Name())
		for i := range v.Len() {
			out.WriteString("{\n")
			printFields(out, v.Index(i))
			out.WriteString("},\n")
		}
		out.WriteString("}")
	default:
		fmt.Fprintf(out, "%#v", v)
	}
}
