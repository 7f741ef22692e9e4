package main

import (
	"crypto/x509"
	"slices"
	"strings"
	"testing"
)

func TestTheProgramHasTheRootsThatAWSIsTrustedBy(t *testing.T) {
	// As on a machine without certificates, which the machine of a test need not be.
	t.Setenv("GODEBUG", "x509usefallbackroots=1")
	trustRoots()
	pool, err := x509.SystemCertPool()
	if err != nil {
		t.Fatal(err)
	}
	//nolint:staticcheck // The pool has no system roots in it, which Subjects would leave out.
	if !slices.ContainsFunc(pool.Subjects(), func(subject []byte) bool { return strings.Contains(string(subject), "Amazon Root CA 1") }) {
		t.Error("Amazon's root is not among those of the program")
	}
}
