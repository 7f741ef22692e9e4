package testplane

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

func startEnvtest() (*Plane, error) {
	environment := &envtest.Environment{}
	config, err := environment.Start()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start envtest with %s=%s: %w", EnvAssets, os.Getenv(EnvAssets), err), environment.Stop())
	}
	config.QPS = -1
	plane := &Plane{Config: config, kind: KindEnvtest, closers: []func() error{environment.Stop}}
	dir, err := os.MkdirTemp("", "testplane-")
	if err != nil {
		return nil, errors.Join(err, plane.Stop())
	}
	plane.closers = append(plane.closers, func() error { return os.RemoveAll(dir) })
	plane.kubeconfig = filepath.Join(dir, "kubeconfig")
	if err := os.WriteFile(plane.kubeconfig, environment.KubeConfig, 0o600); err != nil {
		return nil, errors.Join(err, plane.Stop())
	}
	return plane, nil
}
