package scantrigger

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// jobName is the name of the ScanJob that a trigger makes of a change. It is a pure function of the trigger's name, the
// repository, the pull request (for a push: the branch) and the commit, so that every repetition of an event, and every
// event about the same commit, names the same job. again tells apart a later scan of the same commit; see rescan.
func jobName(trigger string, c change, again string) (string, error) {
	subject := "pr" + c.pullRequestID
	key := []string{trigger, c.repository, "pull-request", c.pullRequestID, c.commit}
	if c.pullRequestID == "" {
		subject = c.targetBranch
		key = []string{trigger, c.repository, "branch", c.targetBranch, c.commit}
	}
	if again != "" {
		key = append(key, again)
	}
	// JSON keeps the parts apart whatever is in them.
	text, err := json.Marshal(key)
	if err != nil {
		return "", fmt.Errorf("name the ScanJob: %w", err)
	}
	sum := sha256.Sum256(text)
	// 16+1+16+1+12 and 1+16 make 63, the length of a DNS label; 64 bits of the hash do not collide by chance.
	parts := []string{}
	for _, part := range []string{slug(trigger, 16), slug(c.repository, 16), slug(subject, 12)} {
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

// labelValue returns a text as it is where it can be a label's value, and otherwise a readable beginning and a hash.
func labelValue(text string) string {
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
