package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
	"github.com/scanjob-dev/scanjob/internal/devstack"
	"github.com/scanjob-dev/scanjob/internal/testplane"
	"github.com/scanjob-dev/scanjob/scanner/gittest"
	"github.com/scanjob-dev/scanjob/scanner/planted"
)

func checkRun(t *testing.T, s shelf) {
	launch := newLauncher(t, s)
	t.Run("the scanner finds a leaked key and publishes it", func(t *testing.T) { checkScannerRuns(t, launch) })
	t.Run("the manager serves with the rights of its ServiceAccount", func(t *testing.T) { checkManagerRuns(t, launch) })
}

func checkScannerRuns(t *testing.T, launch launcher) {
	stack, err := devstack.Start(t.Context(), devstack.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stack.Close(); err != nil {
			t.Error(err)
		}
	})
	pair, err := planted.NewKeyPair(planted.Account())
	if err != nil {
		t.Fatal(err)
	}
	repository := gittest.New(t)
	repository.Write("config/credentials", "[default]\naws_access_key_id = "+pair.ID+"\naws_secret_access_key = "+pair.Secret+"\n")
	revision := repository.Commit("leak")
	server := gittest.Serve(t, repository, "payments", nil)
	credentials := stack.AWS.Credentials()
	container := begin(t, launch(t, "scanner", start{environment: map[string]string{
		contract.EnvNamespace: "team", contract.EnvName: "scan", contract.EnvUID: "7d1f9d4e-6f6f-4d3b-9f0e-1c2d3e4f5a6b", contract.EnvAttempt: "1",
		contract.EnvSourceURL: server.URL + "/v1/repos/payments", contract.EnvRepository: "payments", contract.EnvRevision: revision,
		contract.EnvMode: contract.ModeTree, contract.EnvDeadline: time.Now().Add(time.Minute).Format(time.RFC3339), contract.EnvTopic: stack.Resources.TopicARN,
		"AWS_REGION": stack.AWS.Region(), "AWS_ENDPOINT_URL": stack.AWS.URL(), "AWS_ACCESS_KEY_ID": credentials.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY": credentials.SecretAccessKey, "AWS_SESSION_TOKEN": credentials.SessionToken,
	}}))
	if code := container.wait(t); code != contract.ExitFindings {
		t.Fatalf("exit code %d, want %d: %s", code, contract.ExitFindings, container.log)
	}
	var bodies []string
	for _, mail := range scanMail(stack.AWS) {
		bodies = append(bodies, mail.Body)
	}
	if len(bodies) != 1 || !strings.Contains(bodies[0], "config/credentials") || strings.Contains(bodies[0], pair.Secret) {
		t.Errorf("the mails are %q", bodies)
	}
}

// scanMail returns the mails but those that ask to confirm a subscription.
func scanMail(server *awslocal.Server) (mails []awslocal.Mail) {
	for _, mail := range server.Mail() {
		if mail.ConfirmURL == "" {
			mails = append(mails, mail)
		}
	}
	return mails
}

func checkManagerRuns(t *testing.T, launch launcher) {
	plane, err := testplane.Start(testplane.Options{CRDs: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := plane.Stop(); err != nil {
			t.Error(err)
		}
	})
	operator, err := plane.InstallOperator(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := operator.Remove(context.Background()); err != nil {
			t.Error(err)
		}
	})
	folder := t.TempDir()
	kubeconfig := filepath.Join(folder, "kubeconfig")
	if err := operator.WriteKubeconfig(kubeconfig); err != nil {
		t.Fatal(err)
	}
	// The container's user is not who runs the test.
	for path, mode := range map[string]os.FileMode{folder: 0o755, kubeconfig: 0o644} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	probes := freeAddress(t)
	container := begin(t, launch(t, "manager", start{
		environment: map[string]string{"KUBECONFIG": "/kubeconfig", "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"},
		files:       map[string]string{"/kubeconfig": kubeconfig},
		arguments: []string{
			"--leader-elect", "--leader-election-namespace=" + operator.Namespace,
			"--metrics-bind-address=" + freeAddress(t), "--health-probe-bind-address=" + probes,
		},
	}))
	err = wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		select {
		case <-container.done:
			return false, errors.New("it has ended")
		default:
		}
		log := container.log.String()
		return ok(ctx, "http://"+probes+"/readyz") && strings.Contains(strings.ToLower(log), "successfully acquired lease") && strings.Contains(log, "Starting workers"), nil
	})
	if err != nil {
		t.Fatalf("the manager is not at work: %v\n%s", err, container.log)
	}
	container.terminate(t)
	if code := container.wait(t); code != 0 {
		t.Errorf("the manager ended with exit code %d at SIGTERM\n%s", code, container.log)
	}
}

func ok(ctx context.Context, url string) bool {
	asked, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(asked)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}
