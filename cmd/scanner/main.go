// Command scanner is the container of a scan. Started without arguments it does what its environment asks for (package
// api/contract), and its exit code says how that ended.
package main

import (
	"os"
	"runtime/debug"
)

// gcPercent lets the heap grow to four times what is alive before it is collected. What is alive is small, and a start is
// half as long again where every four megabytes are a cycle.
const gcPercent = 300

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	os.Exit(execute(os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}
