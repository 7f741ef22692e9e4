package jobs

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// The most characters of a name's three readable parts: 16+1+16+1+12 and, for the hash, 1+16 make 63, the length of a DNS
// label.
const (
	ownerLength      = 16
	repositoryLength = 16
	subjectLength    = 12
)

// Name returns a DNS label that opens with what can be read of the owner's name, the repository and the subject (a pull
// request, a branch), and ends in 64 bits of a hash of the key, which do not collide by chance. It is a pure function of
// its arguments: whoever wants the same job finds the one that is there.
func Name(owner, repository, subject string, key ...string) (string, error) {
	// JSON keeps the parts apart whatever is in them.
	text, err := json.Marshal(key)
	if err != nil {
		return "", fmt.Errorf("name the ScanJob: %w", err)
	}
	sum := sha256.Sum256(text)
	parts := []string{}
	for _, part := range []string{slug(owner, ownerLength), slug(repository, repositoryLength), slug(subject, subjectLength)} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	parts = append(parts, hex.EncodeToString(sum[:8]))
	return strings.Join(parts, "-"), nil
}

// slug makes a part of a DNS label of a text, at most so many characters; it may be empty.
func slug(text string, most int) string {
	label := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(text))
	if len(label) > most {
		label = label[:most]
	}
	return strings.Trim(label, "-")
}

// LabelValue returns a text as it is where it can be a label's value, and otherwise a readable beginning and a hash.
func LabelValue(text string) string {
	if len(validation.IsValidLabelValue(text)) == 0 {
		return text
	}
	sum := sha256.Sum256([]byte(text))
	hash := hex.EncodeToString(sum[:8])
	if prefix := slug(text, 46); prefix != "" {
		return prefix + "-" + hash
	}
	return hash
}
