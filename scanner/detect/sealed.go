package detect

import "bytes"

// sealedOpening is what a value that SOPS has encrypted begins with.
const sealedOpening = "ENC[AES256_GCM,"

// isSealed tells whether what begins at start is a part of a value that SOPS has encrypted, which is there whole: all its parts have
// to stand where SOPS writes them, so that a piece of one hides nothing that was not encrypted.
func isSealed(data []byte, start int) bool {
	from := max(0, start-secretContext)
	opening := bytes.LastIndex(data[from:start], []byte(sealedOpening))
	if opening < 0 {
		return false
	}
	sealed := data[from+opening+len(sealedOpening) : min(len(data), start+secretContext)]
	want, at, holds := start-(from+opening+len(sealedOpening)), 0, false
	for _, name := range [...]string{"data:", "iv:", "aad:", "tag:", "type:"} {
		if !bytes.HasPrefix(sealed[at:], []byte(name)) {
			if name == "aad:" {
				continue // the first versions alone wrote it
			}
			return false
		}
		at += len(name)
		holds = holds || at == want
		at = run(sealed, at, len(sealed), isPadded)
		if at == len(sealed) || name != "type:" && sealed[at] != ',' {
			return false
		}
		at++
	}
	return holds && sealed[at-1] == ']'
}
