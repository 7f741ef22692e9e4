package testplane

import (
	"fmt"
	"path/filepath"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// crdTimeout is far above the second that it takes, for busy machines.
const crdTimeout = time.Minute

func (p *Plane) installCRDs() error {
	root, err := ModuleRoot()
	if err != nil {
		return err
	}
	_, err = envtest.InstallCRDs(p.Config, envtest.CRDInstallOptions{
		Paths:              []string{filepath.Join(root, "config", "crd", "bases")},
		ErrorIfPathMissing: true,
		MaxTime:            crdTimeout,
	})
	if err != nil {
		return fmt.Errorf("install the CustomResourceDefinitions of config/crd/bases: %w", err)
	}
	return nil
}
