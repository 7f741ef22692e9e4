// Command scanner is the container of a scan. Started without arguments it does what its environment asks for (package
// api/contract), and its exit code says how that ended.
package main

import (
	"os"

	// The image has no certificates of its own, so the roots that Mozilla trusts are part of the program.
	_ "golang.org/x/crypto/x509roots/fallback"
)

func main() {
	os.Exit(execute(os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}
