package detect

import (
	"bytes"
	"context"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
)

const (
	// fingerprintDomain keeps the fingerprints apart from any other hash of the same value.
	fingerprintDomain = "scanjob.dev/fingerprint/v1\x00"
	// fingerprintRounds makes a fingerprint of a key id cost about 20 ms. An id has only 39 random bits once its account is
	// known, which a plain hash would not hide.
	fingerprintRounds = 1 << 16
	// maxCostly bounds the distinct key ids of a detector that get a fingerprint of their own, so that a repository of
	// thousands of ids costs some ten seconds at most. The fingerprint of any further id is that of its place.
	maxCostly = 500
)

// costlyDigests are the fingerprints of values that have too little randomness for a plain hash.
type costlyDigests struct {
	most    int
	values  map[string]string // by Match.Key
	digests map[string]string // by Match.Key, of those that were reported
}

// fingerprint returns the fingerprint of the match in the file that is shown as path.
func (d *Detector) fingerprint(ctx context.Context, m Match, path string) (string, error) {
	if m.fingerprint != "" {
		return m.fingerprint, nil
	}
	value, costly := d.costly.values[m.Key]
	if known, ok := d.costly.digests[m.Key]; ok {
		return known, nil
	}
	if !costly || len(d.costly.digests) >= d.costly.most {
		return digest(m.Rule, path, m.surroundings, strconv.Itoa(m.ordinal)), nil
	}
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	d.costly.digests[m.Key] = costlyDigest(m.Rule, value)
	return d.costly.digests[m.Key], nil
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
	line := []byte(string(before) + "\x00" + string(after))
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
