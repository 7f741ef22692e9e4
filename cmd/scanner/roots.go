package main

import (
	"crypto/x509"
	"fmt"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// trustRoots has the roots that Mozilla trusts, which are part of the program, count where the machine has no certificates of its
// own: the image has none. Reading them takes as long as scanning a small folder, so it is for what speaks TLS, before it does.
// It may be called once.
func trustRoots() {
	pool := x509.NewCertPool()
	for root := range bundle.Roots() {
		certificate, err := x509.ParseCertificate(root.Certificate)
		if err != nil {
			panic(fmt.Sprintf("a root certificate in this program cannot be read: %v", err)) // a test reads them all
		}
		if root.Constraint == nil {
			pool.AddCert(certificate)
		} else {
			pool.AddCertWithConstraint(certificate, root.Constraint)
		}
	}
	x509.SetFallbackRoots(pool)
}
