package detect

import (
	"log/slog"
	"strings"
	"sync"

	"github.com/scanjob-dev/scanjob/api/contract"
)

// maxKeyPairs bounds the distinct key pairs that an engine keeps. Somebody who wants to know which of so many still work has
// another problem first.
const maxKeyPairs = 1000

// KeyPair is an access key id with its secret as both stand in a content, kept for whoever tries them. It prints as nothing.
type KeyPair struct {
	// Temporary tells that it works only together with a session token.
	Temporary bool

	id, secret, token string
}

// Credentials returns what to try: secrets that must not be written anywhere. token is empty for a long-term key, and for a
// temporary one that no token stands near.
func (p KeyPair) Credentials() (id, secret, token string) { return p.id, p.secret, p.token }

const hiddenPair = "(key pair)"

// String, GoString, LogValue and MarshalText keep the pair out of logs and reports.
func (p KeyPair) String() string { return hiddenPair }

// GoString is String for the verb %#v.
func (p KeyPair) GoString() string { return hiddenPair }

// LogValue is String for log/slog.
func (p KeyPair) LogValue() slog.Value { return slog.StringValue(hiddenPair) }

// MarshalText is String for encoders.
func (p KeyPair) MarshalText() ([]byte, error) { return []byte(hiddenPair), nil }

// keyPairs are the pairs of an engine, by the values and by the findings that they belong to.
type keyPairs struct {
	mu        sync.Mutex
	distinct  map[KeyPair]bool
	byKey     map[string][]KeyPair // by Match.Key
	byFinding map[string][]KeyPair // by rule and fingerprint
}

func newKeyPairs() *keyPairs {
	return &keyPairs{distinct: map[KeyPair]bool{}, byKey: map[string][]KeyPair{}, byFinding: map[string][]KeyPair{}}
}

// keep notes that the pair belongs to the values with the keys.
func (k *keyPairs) keep(pair KeyPair, keys ...string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.distinct[pair] {
		if len(k.distinct) >= maxKeyPairs {
			return
		}
		k.distinct[pair] = true
	}
	for _, key := range keys {
		k.byKey[key] = with(k.byKey[key], pair)
	}
}

// report notes that the value with the key became the finding.
func (k *keyPairs) report(rule, fingerprint, key string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, pair := range k.byKey[key] {
		k.byFinding[rule+fingerprint] = with(k.byFinding[rule+fingerprint], pair)
	}
}

func with(pairs []KeyPair, pair KeyPair) []KeyPair {
	for _, known := range pairs {
		if known == pair {
			return pairs
		}
	}
	return append(pairs, pair)
}

// KeyPairs returns the pairs that a finding of one of the engine's detectors is a part of, where the engine's Options keep them.
func (e *Engine) KeyPairs(finding contract.Finding) []KeyPair {
	if e.pairs == nil {
		return nil
	}
	e.pairs.mu.Lock()
	defer e.pairs.mu.Unlock()
	return e.pairs.byFinding[finding.Rule+finding.Fingerprint]
}

// keepPairs keeps the key pairs of a content whose hits are decided.
func (d *Detector) keepPairs(hits []hit) {
	if d.engine.pairs == nil {
		return
	}
	for _, secret := range hits {
		if secret.partner == nil {
			continue
		}
		pair := KeyPair{id: secret.partner.id, secret: secret.value, Temporary: !strings.HasPrefix(secret.partner.id, "AKIA")}
		if pair.Temporary {
			pair.token = nearestToken(hits, secret.line)
		}
		keys := []string{d.engine.keyOf(RuleSecretAccessKey, pair.secret), d.engine.keyOf(RuleAccessKeyID, pair.id)}
		if pair.token != "" {
			keys = append(keys, d.engine.keyOf(RuleSessionToken, pair.token))
		}
		d.engine.pairs.keep(pair, keys...)
	}
}

// nearestToken returns the session token that stands nearest to the line, or an empty text where none is in reach of a pair.
func nearestToken(hits []hit, line int) (token string) {
	nearest := pairLines + 1
	for _, h := range hits {
		if distance := max(h.line-line, line-h.line); h.rule == RuleSessionToken && distance < nearest {
			token, nearest = h.value, distance
		}
	}
	return token
}
