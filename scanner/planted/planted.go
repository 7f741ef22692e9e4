// Package planted makes secrets that look real and are not: they have the structure that AWS gives to its credentials and
// are drawn at random, so they open nothing. Tests and the demo plant them to see them found.
package planted

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/big"
	"strconv"
	"unicode"
)

// KeyPair is an access key id and a secret access key. Neither was issued by AWS.
type KeyPair struct {
	ID      string
	Secret  string
	Account string
}

// NewKeyPair returns a random long-term key pair whose id belongs to the account of 12 digits.
func NewKeyPair(account string) (KeyPair, error) {
	id, err := KeyID("AKIA", account)
	if err != nil {
		return KeyPair{}, err
	}
	return KeyPair{ID: id, Secret: Secret(), Account: account}, nil
}

// KeyID returns a random key id with the prefix, such as AKIA or ASIA, that decodes to the account of 12 digits.
func KeyID(prefix, account string) (string, error) {
	number, err := strconv.ParseUint(account, 10, 64)
	if err != nil || len(account) != 12 {
		return "", fmt.Errorf("account %q: want 12 digits", account)
	}
	var raw [10]byte
	mustRead(raw[:])
	tail := uint64(raw[5] & 0x7f)
	var head [8]byte
	binary.BigEndian.PutUint64(head[:], 1<<47|number<<7|tail)
	copy(raw[:6], head[2:])
	return prefix + base32.StdEncoding.EncodeToString(raw[:]), nil
}

// Secret returns 40 random characters of a secret access key. It is none of the few in 100,000 whose characters are so
// unlike chance that no scanner takes them for a secret, so that a test does not fail once in a while.
func Secret() string {
	for {
		var raw [30]byte
		mustRead(raw[:])
		if secret := base64.StdEncoding.EncodeToString(raw[:]); looksRandom(secret) {
			return secret
		}
	}
}

// looksRandom tells whether the text has many different characters, of all kinds, in a mixed order.
func looksRandom(text string) bool {
	const leastCharacters, leastChanges = 24, 15
	seen, kinds := map[rune]bool{}, map[int]bool{}
	changes, last := 0, -1
	for _, c := range text {
		kind := 0
		switch {
		case unicode.IsUpper(c):
			kind = 1
		case unicode.IsLower(c):
			kind = 2
		case unicode.IsDigit(c):
			kind = 3
		}
		if kind != last {
			changes++
		}
		seen[c], kinds[kind], last = true, true, kind
	}
	return len(seen) >= leastCharacters && changes >= leastChanges && kinds[1] && kinds[2] && kinds[3]
}

// SessionToken returns a token with an opening that AWS uses and n random bytes behind it.
func SessionToken(n int) string {
	raw := make([]byte, n)
	mustRead(raw)
	return "IQoJb3JpZ2luX2Vj" + base64.StdEncoding.EncodeToString(raw)
}

// GitPassword returns a random password in the form of CodeCommit's Git credentials.
func GitPassword() string {
	var raw [32]byte
	mustRead(raw[:])
	return base64.StdEncoding.EncodeToString(raw[:])
}

// Account returns a random account number that is in no list of documented examples.
func Account() string {
	const lowest = 200_000_000_000
	n, err := rand.Int(rand.Reader, big.NewInt(700_000_000_000))
	if err != nil {
		panic(err)
	}
	return strconv.FormatInt(lowest+n.Int64(), 10)
}

// mustRead fills b. crypto/rand never returns an error on the supported systems: it ends the program instead.
func mustRead(b []byte) {
	if _, err := rand.Read(b); err != nil {
		panic(err)
	}
}
