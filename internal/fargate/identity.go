package fargate

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/scanjob-dev/scanjob/api/contract"
)

// ClientToken returns the idempotency token of a job's attempt: 64 hexadecimal digits, the longest token that ECS takes.
// It is a pure function, so that whoever repeats a RunTask after a crash names the same task.
func ClientToken(uid string, attempt int32) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s|%d", uid, attempt))
	return hex.EncodeToString(sum[:])
}

// TraceParent returns the W3C trace context of a job's attempt; the trace is the job's, the span the attempt's.
func TraceParent(uid string, attempt int32) string {
	trace := sha256.Sum256([]byte(uid))
	span := sha256.Sum256(fmt.Appendf(nil, "%s|%d|span", uid, attempt))
	return fmt.Sprintf("00-%x-%x-01", trace[:16], span[:8])
}

// StartedBy returns the value by which the task of an attempt can be found when its ARN is not known. ECS allows letters,
// digits, '-', '/' and '_', up to 128 of them.
func StartedBy(uid string, attempt int32) string {
	return contract.StartedByPrefix + uid + "/" + strconv.Itoa(int(attempt))
}

// ParseStartedBy returns the job's UID and the attempt's number from StartedBy's value; ok is false for tasks of others.
func ParseStartedBy(startedBy string) (uid string, attempt int32, ok bool) {
	rest, ok := strings.CutPrefix(startedBy, contract.StartedByPrefix)
	if !ok {
		return "", 0, false
	}
	uid, number, ok := strings.Cut(rest, "/")
	if !ok || uid == "" {
		return "", 0, false
	}
	parsed, err := strconv.ParseInt(number, 10, 32)
	if err != nil || parsed < 1 || StartedBy(uid, int32(parsed)) != startedBy {
		return "", 0, false
	}
	return uid, int32(parsed), true
}
