package awslocal

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"sort"
	"strconv"
	"strings"
)

const signingAlgorithm = "AWS4-HMAC-SHA256"

// signature is what the Authorization header of an AWS request holds.
type signature struct {
	accessKeyID   string
	scope         string // date/region/service/aws4_request
	date          string
	region        string
	service       string
	signedHeaders []string
	value         string
}

// parseSignature reads the Authorization header; ok is false where there is none of this kind.
func parseSignature(r *http.Request) (sig signature, ok bool) {
	rest, ok := strings.CutPrefix(r.Header.Get("Authorization"), signingAlgorithm+" ")
	if !ok {
		return signature{}, false
	}
	for _, part := range strings.Split(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "Credential":
			sig.accessKeyID, sig.scope, _ = strings.Cut(value, "/")
		case "SignedHeaders":
			sig.signedHeaders = strings.Split(value, ";")
		case "Signature":
			sig.value = value
		}
	}
	fields := strings.Split(sig.scope, "/")
	if len(fields) != 4 {
		return signature{}, false
	}
	sig.date, sig.region, sig.service = fields[0], fields[1], fields[2]
	return sig, true
}

// wellScoped refuses a signature that was made for another day, region or service, or for another body.
func (sig signature) wellScoped(c *call, region string) *Error {
	refused := func(format string, arguments ...any) *Error {
		code := "InvalidSignatureException"
		if c.service == serviceS3 {
			code = "AuthorizationHeaderMalformed"
		}
		return &Error{Status: http.StatusForbidden, Code: code, Message: fmt.Sprintf(format, arguments...)}
	}
	switch date := c.http.Header.Get("X-Amz-Date"); {
	case sig.service != c.service:
		return refused("Credential should be scoped to correct service: '%s'.", c.service)
	case sig.region != region:
		return refused("Credential should be scoped to a valid region, not '%s'.", sig.region)
	case !strings.HasPrefix(date, sig.date+"T"):
		return refused("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '%s' != '%s'.", sig.date, date)
	}
	hash := sha256.Sum256(c.body)
	switch declared := c.http.Header.Get("X-Amz-Content-Sha256"); {
	case declared == "", declared == hex.EncodeToString(hash[:]), declared == "UNSIGNED-PAYLOAD", strings.HasPrefix(declared, "STREAMING-"):
		return nil
	}
	return &Error{Status: http.StatusBadRequest, Code: "XAmzContentSHA256Mismatch", Message: "The provided 'x-amz-content-sha256' header does not match what was computed."}
}

// verify recomputes the signature with the secret that belongs to the access key.
func (sig signature) verify(r *http.Request, body []byte, secret string) bool {
	canonical := strings.Join([]string{
		r.Method,
		canonicalPath(r.URL, sig.service),
		canonicalQuery(r.URL.Query()),
		canonicalHeaders(r, sig.signedHeaders),
		strings.Join(sig.signedHeaders, ";"),
		payloadHash(r, body),
	}, "\n")
	hash := sha256.Sum256([]byte(canonical))
	toSign := strings.Join([]string{signingAlgorithm, r.Header.Get("X-Amz-Date"), sig.scope, hex.EncodeToString(hash[:])}, "\n")
	want := hex.EncodeToString(hmacSHA256(signingKey(secret, sig.date, sig.region, sig.service), toSign))
	return hmac.Equal([]byte(want), []byte(sig.value))
}

func signingKey(secret, date, region, service string) []byte {
	key := hmacSHA256([]byte("AWS4"+secret), date)
	for _, part := range []string{region, service, "aws4_request"} {
		key = hmacSHA256(key, part)
	}
	return key
}

func hmacSHA256(key []byte, data string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(data))
	return mac.Sum(nil)
}

func payloadHash(r *http.Request, body []byte) string {
	if declared := r.Header.Get("X-Amz-Content-Sha256"); declared != "" {
		return declared
	}
	hash := sha256.Sum256(body)
	return hex.EncodeToString(hash[:])
}

// canonicalPath is the path as sent; every service but S3 encodes it once more.
func canonicalPath(u *url.URL, service string) string {
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	if service == serviceS3 {
		return path
	}
	return awsEscape(path, "/")
}

func canonicalQuery(query url.Values) string {
	var pairs []string
	for name, values := range query {
		for _, value := range values {
			pairs = append(pairs, awsEscape(name, "")+"="+awsEscape(value, ""))
		}
	}
	sort.Strings(pairs)
	return strings.Join(pairs, "&")
}

func canonicalHeaders(r *http.Request, names []string) string {
	var b strings.Builder
	for _, name := range names {
		var value string
		switch name {
		case "host":
			value = r.Host
		case "content-length":
			value = strconv.FormatInt(r.ContentLength, 10)
		default:
			value = strings.Join(r.Header.Values(name), ",")
		}
		b.WriteString(name + ":" + strings.Join(strings.Fields(value), " ") + "\n")
	}
	return b.String()
}

// awsEscape percent-encodes everything but RFC 3986's unreserved characters and those in keep.
func awsEscape(s, keep string) string {
	const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
	var b strings.Builder
	for i := range len(s) {
		if strings.IndexByte(unreserved, s[i]) >= 0 || strings.IndexByte(keep, s[i]) >= 0 {
			b.WriteByte(s[i])
			continue
		}
		b.WriteString("%" + strings.ToUpper(hex.EncodeToString([]byte{s[i]})))
	}
	return b.String()
}
