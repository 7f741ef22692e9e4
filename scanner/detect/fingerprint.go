package detect

import (
	"bytes"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

const (
	// fingerprintDomain keeps the fingerprints apart from any other hash of the same value.
	fingerprintDomain = "scanjob.dev/fingerprint/v1\x00"
	// fingerprintRounds makes a fingerprint of a key id cost about 20 ms. An id has only 39 random bits once its account is
	// known, which a plain hash would not hide.
	fingerprintRounds = 1 << 16
)

func digest(parts ...string) string {
	sum := sha256.Sum256([]byte(fingerprintDomain + strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:])
}

func (d *Detector) costlyDigest(rule, value string) string {
	key := digest(rule, value)
	if known, ok := d.costly[key]; ok {
		return hex.EncodeToString(known)
	}
	derived, err := pbkdf2.Key(sha256.New, value, []byte(fingerprintDomain+rule), fingerprintRounds, sha256.Size)
	if err != nil {
		// The only error is about lengths that a restricted mode of the library forbids; ours are constants.
		panic(err)
	}
	d.costly[key] = derived
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
