package verify_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/detect"
	"github.com/scanjob-dev/scanjob/scanner/planted"
	"github.com/scanjob-dev/scanjob/scanner/rules"
	"github.com/scanjob-dev/scanjob/scanner/verify"
)

// service is an STS that answers as the test says, and notes the key ids that it was asked for.
type service struct {
	*httptest.Server
	mu     sync.Mutex
	asked  []string
	bodies []string
}

func serve(t *testing.T, answer http.HandlerFunc) *service {
	t.Helper()
	s := &service{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A server only sees that whoever asks has given up once it has read the request.
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		s.mu.Lock()
		_, rest, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
		id, _, _ := strings.Cut(rest, "/")
		s.asked = append(s.asked, id)
		s.bodies = append(s.bodies, fmt.Sprint(r.URL, r.Header, string(body)))
		s.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *service) settings(context.Context) (aws.Config, error) {
	return aws.Config{Region: "eu-west-1", BaseEndpoint: aws.String(s.URL)}, nil
}

// refuse answers as STS does (https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html).
func refuse(status int, code, message string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(status)
		fmt.Fprintf(w, `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error>`+
			`<RequestId>0a1b2c3d</RequestId></ErrorResponse>`, code, message)
	}
}

func identify(account string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		fmt.Fprintf(w, `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>`+
			`<Arn>arn:aws:iam::%s:user/bob</Arn><UserId>AIDA</UserId><Account>%s</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`, account, account)
	}
}

// scanned are the findings of a content, and the engine that keeps their pairs.
func scanned(t *testing.T, content string) ([]contract.Finding, *detect.Engine) {
	t.Helper()
	engine, err := detect.NewEngine(rules.AWS(), detect.Options{KeyPairs: true})
	if err != nil {
		t.Fatal(err)
	}
	detector := engine.Detector()
	matches, err := detector.Scan(t.Context(), strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	var findings []contract.Finding
	for _, match := range matches {
		finding, err := detector.Finding(t.Context(), match, "app.env", "")
		if err != nil {
			t.Fatal(err)
		}
		findings = append(findings, finding)
	}
	return findings, engine
}

func limits() verify.Limits {
	return verify.Limits{Pairs: 10, AtOnce: 4, Call: time.Minute, Total: time.Minute}
}

func verified(t *testing.T, s *service, content string, bounds verify.Limits) []contract.Finding {
	t.Helper()
	findings, engine := scanned(t, content)
	told, err := verify.Verifier{Pairs: engine.KeyPairs, Account: engine.Account, Settings: s.settings, Limits: bounds}.Findings(t.Context(), findings)
	if err != nil {
		t.Fatal(err)
	}
	return told
}

func newPair(t *testing.T) planted.KeyPair {
	t.Helper()
	pair, err := planted.NewKeyPair(planted.Account())
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

func TestWhatAnswersMean(t *testing.T) {
	for _, row := range []struct {
		name   string
		answer http.HandlerFunc
		want   contract.VerificationState
		reason string
	}{
		{"STS names the account", identify("210987654321"), contract.VerificationVerified, "named its account"},
		{"STS knows no such key", refuse(403, "InvalidClientTokenId", "The security token included in the request is invalid."), contract.VerificationInvalid, "no such key in eu-west-1"},
		{"the secret is another's", refuse(403, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided."),
			contract.VerificationInvalid, "the secret is not its own"},
		{"the clock is wrong", refuse(403, "SignatureDoesNotMatch", "Signature expired: 20260101T000000Z is now earlier than 20260101T010000Z"), contract.VerificationUnknown, "clock"},
		{"a policy denies a key that works", refuse(403, "AccessDenied", "User is not authorized"), contract.VerificationVerified, "denied"},
		{"the session is over", refuse(403, "ExpiredToken", "The security token included in the request is expired"), contract.VerificationInvalid, "expired"},
		{"STS throttles", refuse(400, "Throttling", "Rate exceeded"), contract.VerificationUnknown, "throttled"},
		{"STS is ill", refuse(500, "InternalFailure", "oops"), contract.VerificationUnknown, "AWS answered InternalFailure"},
		{"a code that is a text", refuse(400, "no &lt;b&gt;code", ""), contract.VerificationUnknown, "something else"},
		{"a proxy answers with a page", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>sign in</html>") }, contract.VerificationUnknown, ""},
		{"the line is cut", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, contract.VerificationUnknown, "could not be reached"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := serve(t, row.answer)
			pair := newPair(t)
			told := verified(t, s, "key_id = "+pair.ID+"\nsecret_key = "+pair.Secret+"\n", limits())
			if len(told) != 2 {
				t.Fatalf("%d findings", len(told))
			}
			for _, finding := range told {
				if finding.Verification == nil || finding.Verification.State != row.want || !strings.Contains(finding.Verification.Reason, row.reason) {
					t.Errorf("%s: %+v, want %s with %q", finding.Rule, finding.Verification, row.want, row.reason)
				}
				if want := "********4321"; row.reason == "named its account" && finding.Account != want {
					t.Errorf("the account is told as %s, want %s", finding.Account, want)
				}
			}
			if len(s.asked) != 1 || s.asked[0] != pair.ID {
				t.Errorf("asked %d times, want once", len(s.asked))
			}
			if sent := fmt.Sprint(s.bodies); strings.Contains(sent, pair.Secret) {
				t.Error("the secret was sent")
			}
			if shown := fmt.Sprintf("%+v %#v", told, told); strings.Contains(shown, pair.ID) || strings.Contains(shown, pair.Secret) {
				t.Errorf("the findings hold the pair: %s", shown)
			}
		})
	}
}

func TestATemporaryKeyIsTriedWithTheTokenBesideIt(t *testing.T) {
	id, err := planted.KeyID("ASIA", planted.Account())
	if err != nil {
		t.Fatal(err)
	}
	secret, token, other := planted.Secret(), planted.SessionToken(300), planted.SessionToken(300)
	s := serve(t, identify("210987654321"))
	content := "aws_session_token=" + other + "\n" + strings.Repeat("\n", 20) + id + "\n" + secret + "\naws_session_token=" + token + "\n"
	states := map[string]contract.VerificationState{}
	for _, finding := range verified(t, s, content, limits()) {
		states[fmt.Sprint(finding.Rule, finding.Line)] = finding.Verification.State
	}
	if len(s.bodies) != 1 || !strings.Contains(s.bodies[0], token) {
		t.Errorf("asked %d times, or without the token", len(s.bodies))
	}
	want := fmt.Sprint(map[string]contract.VerificationState{
		"aws-session-token1": "unknown", "aws-access-key-id22": "verified", "aws-secret-access-key23": "verified", "aws-session-token24": "verified",
	})
	if fmt.Sprint(states) != want {
		t.Errorf("got %v, want %v", states, want)
	}
}

func TestWhatIsNotWholeIsNotTried(t *testing.T) {
	id, err := planted.KeyID("ASIA", planted.Account())
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, identify("210987654321"))
	for content, want := range map[string]string{
		id + "\n" + planted.Secret() + "\n":                "only with a session token",
		newPair(t).ID + "\n":                               "nothing that belongs to it",
		"aws_secret_access_key=" + planted.Secret() + "\n": "nothing that belongs to it",
	} {
		for _, finding := range verified(t, s, content, limits()) {
			if finding.Verification.State != contract.VerificationUnknown || !strings.Contains(finding.Verification.Reason, want) {
				t.Errorf("%s: %+v, want %q", finding.Rule, finding.Verification, want)
			}
		}
	}
	for _, finding := range verified(t, s, "account_id = "+planted.Account()+"\n", limits()) {
		if finding.Verification != nil {
			t.Errorf("an account number is told as %+v", finding.Verification)
		}
	}
	if len(s.asked) > 0 {
		t.Errorf("asked for %v", s.asked)
	}
}

func TestNoMoreIsAskedThanNeeded(t *testing.T) {
	pair := newPair(t)
	candidates := pair.ID + "\n" + planted.Secret() + "\n" + pair.Secret + "\n" + planted.Secret() + "\n"
	for _, row := range []struct {
		name    string
		answer  http.HandlerFunc
		content string
		asked   int
	}{
		{"an id that is not known, with three secrets", refuse(403, "InvalidClientTokenId", ""), candidates, 1},
		{"an id that works with the first of three secrets", identify("210987654321"), candidates, 1},
		{"an id of which no secret is right", refuse(403, "SignatureDoesNotMatch", ""), candidates, 3},
		{"the same pair in two places", identify("210987654321"), pair.ID + "\n" + pair.Secret + "\n\n" + pair.ID + "\n" + pair.Secret + "\n", 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := serve(t, row.answer)
			for _, finding := range verified(t, s, row.content, limits()) {
				if finding.Rule == detect.RuleAccessKeyID && row.asked == 1 && strings.HasPrefix(row.name, "an id that works") &&
					finding.Verification.State != contract.VerificationVerified {
					t.Errorf("the id is %+v", finding.Verification)
				}
			}
			if len(s.asked) != row.asked {
				t.Errorf("asked %d times, want %d", len(s.asked), row.asked)
			}
		})
	}
}

func manyPairs(t *testing.T, n int) string {
	t.Helper()
	var out strings.Builder
	for range n {
		pair := newPair(t)
		out.WriteString(pair.ID + "\n" + pair.Secret + "\n" + strings.Repeat("\n", 1100))
	}
	return out.String()
}

func TestMorePairsThanAreTriedAreUnknown(t *testing.T) {
	s := serve(t, identify("210987654321"))
	bounds := limits()
	bounds.Pairs = 3
	states := map[contract.VerificationState]int{}
	for _, finding := range verified(t, s, manyPairs(t, 5), bounds) {
		states[finding.Verification.State]++
	}
	if len(s.asked) != 3 || states[contract.VerificationVerified] != 6 || states[contract.VerificationUnknown] != 4 {
		t.Errorf("asked %d times, %v", len(s.asked), states)
	}
}

func TestOnlyAFewAreTriedAtOnce(t *testing.T) {
	var mu sync.Mutex
	now, most := 0, 0
	release := make(chan struct{})
	full := make(chan struct{}, 1)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		now++
		most = max(most, now)
		if now == 2 {
			select {
			case full <- struct{}{}:
			default:
			}
		}
		mu.Unlock()
		<-release
		mu.Lock()
		now--
		mu.Unlock()
		identify("210987654321")(w, r)
	})
	go func() {
		<-full
		close(release)
	}()
	bounds := limits()
	bounds.AtOnce = 2
	verified(t, s, manyPairs(t, 6), bounds)
	if most != 2 || len(s.asked) != 6 {
		t.Errorf("%d at once, %d in all", most, len(s.asked))
	}
}

// silence answers nothing until whoever asks gives up.
func silence(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func TestSilenceIsUnknown(t *testing.T) {
	for name, bound := range map[string]func(*verify.Limits){
		"AWS did not answer in time": func(l *verify.Limits) { l.Call = 20 * time.Millisecond },
		"the time for trying":        func(l *verify.Limits) { l.Total, l.AtOnce = 20*time.Millisecond, 1 },
	} {
		t.Run(name, func(t *testing.T) {
			bounds := limits()
			bound(&bounds)
			reasons := ""
			for _, finding := range verified(t, serve(t, silence), manyPairs(t, 2), bounds) {
				reasons += finding.Verification.Reason + "\n"
				if finding.Verification.State != contract.VerificationUnknown {
					t.Errorf("%+v", finding.Verification)
				}
			}
			if !strings.Contains(reasons, name) {
				t.Errorf("reasons %s", reasons)
			}
		})
	}
}

func TestTheFindingsAreToldBeforeTheDeadline(t *testing.T) {
	findings, engine := scanned(t, manyPairs(t, 1))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	told, err := verify.Verifier{Pairs: engine.KeyPairs, Account: engine.Account, Settings: serve(t, silence).settings, Limits: limits()}.Findings(ctx, findings)
	if err != nil || len(told) != 2 || told[0].Verification.State != contract.VerificationUnknown {
		t.Errorf("%v, %v", told, err)
	}
}

func TestTheEndOfTheScanEndsIt(t *testing.T) {
	findings, engine := scanned(t, manyPairs(t, 1))
	stopped := errors.New("stopped")
	ctx, cancel := context.WithCancelCause(t.Context())
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		cancel(stopped)
		silence(w, r)
	})
	_, err := verify.Verifier{Pairs: engine.KeyPairs, Account: engine.Account, Settings: s.settings, Limits: limits()}.Findings(ctx, findings)
	if !errors.Is(err, stopped) {
		t.Errorf("error = %v", err)
	}
}

func TestSettingsThatCannotBeReadAreUnknown(t *testing.T) {
	findings, engine := scanned(t, manyPairs(t, 1))
	broken := func(context.Context) (aws.Config, error) { return aws.Config{}, errors.New("no profile") }
	told, err := verify.Verifier{Pairs: engine.KeyPairs, Account: engine.Account, Settings: broken, Limits: limits()}.Findings(t.Context(), findings)
	if err != nil || told[0].Verification.State != contract.VerificationUnknown || !strings.Contains(told[0].Verification.Reason, "settings") {
		t.Errorf("%+v, %v", told[0].Verification, err)
	}
}

func TestPairsPrintAsNothing(t *testing.T) {
	pair := newPair(t)
	findings, engine := scanned(t, pair.ID+"\n"+pair.Secret+"\n")
	pairs := engine.KeyPairs(findings[0])
	if len(pairs) != 1 {
		t.Fatalf("%d pairs", len(pairs))
	}
	if shown := fmt.Sprintf("%v %+v %#v %s", pairs, pairs[0], pairs, pairs[0]); strings.Contains(shown, pair.ID) || strings.Contains(shown, pair.Secret) {
		t.Error(shown)
	}
}
