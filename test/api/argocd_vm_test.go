package api

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/jsonmergepatch"
	luajson "layeh.com/gopher-json"

	"github.com/scanjob-dev/scanjob/internal/testplane"
)

// customization is the path of a file of a kind under Argo CD's layout.
func customization(t *testing.T, kind string, path ...string) string {
	t.Helper()
	root, err := testplane.ModuleRoot()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(append([]string{root, "config", "argocd", "resource_customizations", "scanjob.dev", kind}, path...)...)
}

// runLua runs a script as Argo CD does where nobody sets useOpenLibs: there is package, base, table, and of os no more than
// the time. It has a second. What the script returns is encoded by the library that Argo CD encodes it by, which takes an
// empty table for a list.
func runLua(t *testing.T, object *unstructured.Unstructured, path string) []byte {
	t.Helper()
	script, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	vm := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer vm.Close()
	vm.SetContext(t.Context())
	for name, open := range map[string]lua.LGFunction{lua.LoadLibName: lua.OpenPackage, lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable} {
		if err := vm.CallByParam(lua.P{Fn: vm.NewFunction(open), Protect: true}, lua.LString(name)); err != nil {
			t.Fatal(err)
		}
	}
	safe := vm.NewTable()
	vm.SetFuncs(safe, map[string]lua.LGFunction{
		"time": func(vm *lua.LState) int { vm.Push(lua.LNumber(time.Now().Unix())); return 1 },
		"date": date,
	})
	vm.SetGlobal("os", safe)
	vm.PreloadModule("os", func(vm *lua.LState) int { vm.Push(safe); return 1 })
	vm.SetGlobal("obj", toLua(vm, object.Object))
	if err := vm.DoString(string(script)); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	text, err := luajson.Encode(vm.Get(-1))
	if err != nil {
		t.Fatalf("%s returns what cannot be encoded: %v", path, err)
	}
	return text
}

// date is os.date for the formats that the scripts use.
func date(vm *lua.LState) int {
	format := map[string]string{"!%Y%m%d%H%M%S": "20060102150405", "!%Y-%m-%dT%H:%M:%SZ": time.RFC3339}[vm.CheckString(1)]
	if format == "" {
		vm.RaiseError("add this format of os.date to the test: %s", vm.CheckString(1))
	}
	vm.Push(lua.LString(time.Now().UTC().Format(format)))
	return 1
}

func toLua(vm *lua.LState, value any) lua.LValue {
	switch value := value.(type) {
	case nil:
		return lua.LNil
	case bool:
		return lua.LBool(value)
	case string:
		return lua.LString(value)
	case int64:
		return lua.LNumber(value)
	case float64:
		return lua.LNumber(value)
	case []any:
		list := vm.NewTable()
		for _, item := range value {
			list.Append(toLua(vm, item))
		}
		return list
	case map[string]any:
		table := vm.NewTable()
		for key, item := range value {
			table.RawSetString(key, toLua(vm, item))
		}
		return table
	default:
		panic(fmt.Sprintf("%T in an object", value))
	}
}

// live is an object as a client reads it.
func live(t *testing.T, object runtime.Object) *unstructured.Unstructured {
	t.Helper()
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		t.Fatal(err)
	}
	return &unstructured.Unstructured{Object: content}
}

// argoHealth is what Argo CD shows.
type argoHealth struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

func healthOf(t *testing.T, object *unstructured.Unstructured) argoHealth {
	t.Helper()
	var health argoHealth
	if err := json.Unmarshal(runLua(t, object, customization(t, object.GetKind(), "health.lua")), &health); err != nil {
		t.Fatal(err)
	}
	return health
}

// offered returns the actions that a person can choose, and whether they can.
func offered(t *testing.T, object *unstructured.Unstructured) map[string]bool {
	t.Helper()
	var actions map[string]struct {
		Disabled    bool   `json:"disabled"`
		DisplayName string `json:"displayName"`
		IconClass   string `json:"iconClass"`
	}
	if err := json.Unmarshal(runLua(t, object, customization(t, object.GetKind(), "actions", "discovery.lua")), &actions); err != nil {
		t.Fatal(err)
	}
	enabled := map[string]bool{}
	for name, action := range actions {
		if action.DisplayName == "" || !strings.HasPrefix(action.IconClass, "fa ") {
			t.Errorf("action %s has the name %q and the icon %q", name, action.DisplayName, action.IconClass)
		}
		enabled[name] = !action.Disabled
	}
	return enabled
}

func runAction(t *testing.T, object *unstructured.Unstructured, name string) []byte {
	t.Helper()
	return runLua(t, object, customization(t, object.GetKind(), "actions", name, "action.lua"))
}

// patchOf returns the merge patch that Argo CD makes of an action that returns the object it was given.
func patchOf(t *testing.T, object *unstructured.Unstructured, name string) []byte {
	t.Helper()
	changed := map[string]any{}
	if err := json.Unmarshal(runAction(t, object, name), &changed); err != nil {
		t.Fatal(err)
	}
	before, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	after, err := json.Marshal(mended(changed, object.Object))
	if err != nil {
		t.Fatal(err)
	}
	patch, err := jsonmergepatch.CreateThreeWayJSONMergePatch(before, after, before)
	if err != nil {
		t.Fatal(err)
	}
	return patch
}

// mended undoes what Lua does to empty objects, as Argo CD does before it compares.
func mended(changed, original any) any {
	switch changed := changed.(type) {
	case map[string]any:
		if original, ok := original.(map[string]any); ok {
			for key := range changed {
				changed[key] = mended(changed[key], original[key])
			}
		}
	case []any:
		switch original := original.(type) {
		case map[string]any:
			if len(changed) == 0 {
				return original
			}
		case []any:
			for i := range min(len(changed), len(original)) {
				changed[i] = mended(changed[i], original[i])
			}
		}
	}
	return changed
}
