package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"
)

// runAPIServer serves until ctx ends.
func runAPIServer(ctx context.Context, p plane, etcd string) error {
	server := options.NewServerRunOptions()
	flags := pflag.NewFlagSet("kube-apiserver", pflag.ContinueOnError)
	for _, set := range server.Flags().FlagSets {
		flags.AddFlagSet(set)
	}
	err := flags.Parse([]string{
		"--etcd-servers=http://" + etcd,
		"--bind-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", p.port),
		"--cert-dir=" + p.certificates(),
		"--authorization-mode=RBAC",
		"--token-auth-file=" + p.tokenFile(),
		"--service-account-issuer=https://devplane.local",
		"--service-account-key-file=" + p.serviceAccountKey(),
		"--service-account-signing-key-file=" + p.serviceAccountKey(),
		"--service-cluster-ip-range=10.0.0.0/24",
		"--endpoint-reconciler-type=none",
		// No controller creates the default ServiceAccount here, without which this plugin would refuse every pod.
		"--disable-admission-plugins=ServiceAccount",
		"--shutdown-delay-duration=0s",
	})
	if err != nil {
		return err
	}
	if err := server.GenericServerRunOptions.ComponentGlobalsRegistry.Set(); err != nil {
		return err
	}
	completed, err := server.Complete(ctx)
	if err != nil {
		return err
	}
	if problems := completed.Validate(); len(problems) != 0 {
		return utilerrors.NewAggregate(problems)
	}
	return app.Run(ctx, completed)
}

// waitReady returns when the API server's readyz says ok, after writing the kubeconfig and the file "ready".
func waitReady(ctx context.Context, p plane) error {
	ready := filepath.Join(p.dir, "ready")
	if err := os.Remove(ready); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	err := wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, 2*time.Minute, true, func(ctx context.Context) (bool, error) {
		client, err := discovery.NewDiscoveryClientForConfig(p.restConfig())
		if err != nil {
			return false, nil // the certificate is not written yet
		}
		_, err = client.RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
		return err == nil, nil
	})
	if err != nil {
		return fmt.Errorf("API server did not become ready: %w", err)
	}
	if err := p.writeKubeconfig(); err != nil {
		return err
	}
	return os.WriteFile(ready, nil, 0o600)
}
