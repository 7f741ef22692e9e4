package detect

import (
	"bytes"
	"context"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"sync"
)

const (
	// fingerprintDomain keeps the fingerprints apart from any other hash of the same value.
	fingerprintDomain = "scanjob.dev/fingerprint/v1\x00"
	// fingerprintRounds makes a fingerprint of a key id cost about 20 ms. An id has only 39 random bits once its account is
	// known, which a plain hash would not hide.
	fingerprintRounds = 1 << 16
	// maxCostly bounds the distinct key ids of an engine that get a fingerprint of their own, so that a repository of
	// thousands of ids costs some ten seconds at most. The fingerprint of any further id is that of its place.
	maxCostly = 500
)

// costlyDigests are the fingerprints of values that have too little randomness for a plain hash.
type costlyDigests struct {
	mu      sync.Mutex
	most    int
	values  map[string]string // by Match.Key
	digests map[string]string // by Match.Key, of those that were reported
}

func newCostlyDigests() *costlyDigests {
	return &costlyDigests{most: maxCostly, values: map[string]string{}, digests: map[string]string{}}
}

func (c *costlyDigests) keep(key, value string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.values[key] = value
}

// of returns the digest of the value that was kept with the key. There is none where too many have one.
func (c *costlyDigests) of(rule, key string) (string, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known, ok := c.digests[key]; ok {
		return known, true
	}
	value, ok := c.values[key]
	if !ok || len(c.digests) >= c.most {
		return "", false
	}
	c.digests[key] = costlyDigest(rule, value)
	return c.digests[key], true
}

// fingerprint returns the fingerprint of the match in the file that is shown as path.
func (d *Detector) fingerprint(ctx context.Context, m Match, path string) (string, error) {
	if m.fingerprint != "" {
		return m.fingerprint, nil
	}
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	if costly, ok := d.engine.costly.of(m.Rule, m.Key); ok {
		return costly, nil
	}
	return digest(m.Rule, path, m.surroundings, strconv.Itoa(m.ordinal)), nil
}

func digest(parts ...string) string {
	sum := sha256.Sum256([]byte(fingerprintDomain + strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:])
}

func costlyDigest(rule, value string) string {
	derived, err := pbkdf2.Key(sha256.New, value, []byte(fingerprintDomain+rule), fingerprintRounds, sha256.Size)
	if err != nil {
		// The only error is about lengths that a restricted mode of the library forbids; ours are constants.
		panic(err)
	}
	return hex.EncodeToString(derived)
}

// surroundings returns the line around a value with the value, every digit and every long token masked, so that it can
// be part of a hash without making the value guessable.
func surroundings(data []byte, start, end int) string {
	const reach, longToken = 256, 16
	before := lineBefore(data, start, reach)
	after := data[end:min(len(data), end+reach)]
	if newline := bytes.IndexByte(after, '\n'); newline >= 0 {
		after = after[:newline]
	}
	// Without the zeros of UTF-16, which would part every token.
	line := bytes.Join([][]byte{bytes.ReplaceAll(before, []byte{0}, nil), bytes.ReplaceAll(after, []byte{0}, nil)}, []byte{0})
	for i := 0; i < len(line); {
		if !isBase64(line[i]) {
			i++
			continue
		}
		run := i
		for run < len(line) && isBase64(line[run]) {
			run++
		}
		for j := i; j < run; j++ {
			if isDigit(line[j]) || run-i >= longToken {
				line[j] = '#'
			}
		}
		i = run
	}
	return strings.TrimSpace(string(line))
}
