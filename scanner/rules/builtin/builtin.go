// Package builtin holds the rules for credentials of others than AWS in gitleaks' TOML form, with the keys severity, advice,
// links, names and value besides.
package builtin

import "embed"

// Files are the rules; they count in the order of the names of the files.
//
//go:embed *.toml
var Files embed.FS
