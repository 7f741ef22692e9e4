package testplane

import (
	"fmt"
	"os"
)

// Tests are the tests of a package: a testing.M.
type Tests interface {
	Run() int
}

// Main runs a package's tests beside a control plane that serves the project's CustomResourceDefinitions, and returns the
// code to exit with. use gets the control plane before the tests begin.
func Main(tests Tests, use func(*Plane) error) int {
	plane, err := Start(Options{CRDs: true})
	if err != nil {
		fmt.Fprintln(os.Stderr, "start the control plane:", err)
		return 1
	}
	code := 1
	if err := use(plane); err == nil {
		code = tests.Run()
	} else {
		fmt.Fprintln(os.Stderr, "prepare the control plane:", err)
	}
	if err := plane.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, "stop the control plane:", err)
		return 1
	}
	return code
}
