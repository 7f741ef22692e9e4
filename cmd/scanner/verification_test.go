package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/gittest"
	"github.com/scanjob-dev/scanjob/scanner/planted"
	"github.com/scanjob-dev/scanjob/scanner/report"
)

// identityService says that every key is of the account, and counts how often it is asked.
func identityService(t *testing.T, account string) (environment map[string]string, asked *atomic.Int64) {
	t.Helper()
	asked = &atomic.Int64{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		fmt.Fprintf(w, `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>`+
			`<Account>%s</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`, account)
	}))
	t.Cleanup(server.Close)
	return map[string]string{"AWS_ENDPOINT_URL_STS": server.URL, "HOME": t.TempDir()}, asked
}

func TestKeyPairsAreTriedOnlyWhereThatIsAskedFor(t *testing.T) {
	folder, secrets := leaking(t)
	for _, row := range []struct {
		name, variable string
		arguments      []string
		asked          int64
	}{
		{"by default", "", nil, 0},
		{"by the flag", "", []string{"--verify"}, 1},
		{"by the environment", contract.VerifyAWS, nil, 1},
		{"not by the environment's None", contract.VerifyNone, nil, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			environment, asked := identityService(t, secrets["account of the key"])
			environment[contract.EnvVerify] = row.variable
			for i, format := range report.Formats() {
				got := start(t, environment, append([]string{"dir", "--format", format, folder}, row.arguments...)...)
				if got.exit != contract.ExitFindings || strings.Contains(got.stdout, "named its account") != (row.asked > 0) {
					t.Errorf("exit %d, %s%s", got.exit, got.stdout, got.stderr)
				}
				if n := asked.Load(); n != row.asked*int64(i+1) {
					t.Errorf("%s: AWS was asked %d times, want %d", format, n, row.asked*int64(i+1))
				}
				secrets.missingFrom(t, format, got.stdout+got.stderr)
			}
		})
	}
	if got := start(t, map[string]string{contract.EnvVerify: "Yes"}, "dir", folder); got.exit != contract.ExitRequest || !strings.Contains(got.stderr, "SCAN_VERIFY must be one of None, AWS") {
		t.Errorf("exit %d, %s", got.exit, got.stderr)
	}
}

func TestTheContainerTriesKeyPairsAndKnowsItsAccounts(t *testing.T) {
	r := gittest.New(t)
	canaries := newCanaries(t)
	head := canaries.plant(r)
	environment := newOrder(t, r.URL(), contract.ModeTree, head)
	more, asked := identityService(t, canaries["account of the key"])
	for name, value := range more {
		environment[name] = value
	}
	environment[contract.EnvVerify] = contract.VerifyAWS
	environment[contract.EnvAccounts] = canaries["account of the key"] + "=payments," + planted.Account()
	got := start(t, environment)
	for _, want := range []string{`"verification":"verified"`, `"accountName":"payments"`, `"msg":"key pairs were tried","`, `"verified":`} {
		if !strings.Contains(got.stderr, want) {
			t.Errorf("the log lacks %s:\n%s", want, got.stderr)
		}
	}
	if got.exit != contract.ExitFindings || asked.Load() != 1 {
		t.Errorf("exit %d, asked %d times", got.exit, asked.Load())
	}
	canaries.missingFrom(t, "the log", got.stderr+got.stdout)
}

func TestAccountsOfTheOrganization(t *testing.T) {
	folder, secrets := leaking(t)
	file := filepath.Join(t.TempDir(), "accounts")
	key, plain := secrets["account of the key"], secrets["account"]
	if err := os.WriteFile(file, []byte("# ours\n"+key+" = payments\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const own, others = "of one of your accounts", "of an account that is not yours"
	for _, row := range []struct {
		name, variable string
		arguments      []string
		own, others    int
	}{
		{"are not known by default", "", nil, 0, 0},
		{"come from the flag", "", []string{"--accounts", plain[:4] + "-" + plain[4:8] + "-" + plain[8:]}, 1, 2},
		{"come from a file", "", []string{"--accounts-file", file}, 2, 1},
		{"come from both", "", []string{"--accounts", plain, "--accounts-file", file}, 3, 0},
		{"come from the environment", plain, nil, 1, 2},
		{"come from the flags alone where both are given", key, []string{"--accounts", plain}, 1, 2},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := start(t, map[string]string{contract.EnvAccounts: row.variable}, append([]string{"dir", folder}, row.arguments...)...)
			list, _, _ := strings.Cut(got.stdout, "What to do")
			if n := strings.Count(list, own); n != row.own {
				t.Errorf("%d findings of own accounts, want %d:\n%s%s", n, row.own, got.stdout, got.stderr)
			}
			if n := strings.Count(list, others); n != row.others {
				t.Errorf("%d findings of others' accounts, want %d:\n%s", n, row.others, got.stdout)
			}
		})
	}
	for want, got := range map[string]outcome{
		"--accounts: entry 1":             start(t, nil, "dir", "--accounts", "12345", folder),
		"--accounts-file cannot be read":  start(t, nil, "dir", "--accounts-file", file+".none", folder),
		"SCAN_ACCOUNTS: entry 2 of the":   start(t, map[string]string{contract.EnvAccounts: plain + ",x"}, "dir", folder),
		`SCAN_ACCOUNTS: entry 1 of the a`: start(t, map[string]string{contract.EnvAccounts: "x"}),
	} {
		if got.exit != contract.ExitRequest || !strings.Contains(got.stderr, want) {
			t.Errorf("exit %d, %s, want %q", got.exit, got.stderr, want)
		}
	}
}
