// Package testplane gives tests a real Kubernetes control plane. A test binary starts one, usually in TestMain, and its
// tests take a fresh namespace each.
//
// Which one it is depends on the environment, so that a developer can choose without touching a test:
//
//   - TEST_KUBECONFIG set: the cluster of that kubeconfig. It is used as it is, and CustomResourceDefinitions are
//     installed into it; name a cluster that may be changed.
//   - KUBEBUILDER_ASSETS set: controller-runtime's envtest with the kube-apiserver and etcd of that folder.
//   - neither: bin/devplane of this repository, which `make devplane` builds.
package testplane

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// The environment variables that choose the control plane.
const (
	// EnvKubeconfig is the path of a kubeconfig whose current context is a cluster for tests.
	EnvKubeconfig = "TEST_KUBECONFIG"
	// EnvAssets is envtest's own variable: the folder with kube-apiserver and etcd.
	EnvAssets = "KUBEBUILDER_ASSETS"
)

// Kind says which control plane a Plane is.
type Kind string

// The kinds of control plane.
const (
	// KindDevplane is the one-process control plane of this repository. It can be stopped and started in a test.
	KindDevplane Kind = "devplane"
	// KindEnvtest is controller-runtime's envtest. It runs no controllers: owned objects are never collected, and
	// namespaces never end.
	KindEnvtest Kind = "envtest"
	// KindCluster is a cluster that was there before.
	KindCluster Kind = "cluster"
)

// ErrNotRestartable is what Halt, Resume and Restart return for a control plane that is not KindDevplane.
var ErrNotRestartable = errors.New("only bin/devplane can be stopped and started in a test; unset " + EnvKubeconfig + " and " + EnvAssets)

// Options say what Start prepares. The zero value is a bare control plane with a temporary folder.
type Options struct {
	// CRDs installs config/crd/bases and waits until the API server serves them.
	CRDs bool
	// Dir keeps devplane's data: a second Start with it continues where the first one ended. Default: a temporary folder
	// that Stop removes.
	Dir string
}

// Plane is a running control plane.
type Plane struct {
	// Config reaches it as an administrator, without client-side rate limit. Copy it before changing it.
	Config *rest.Config

	kind       Kind
	kubeconfig string
	process    *process // nil unless KindDevplane
	temporary  bool     // the process' folder is removed at the end
	closers    []func() error
}

// Start returns a control plane that answers, with the CustomResourceDefinitions served if they were asked for. The caller
// calls Stop. An error says what to build or set.
func Start(options Options) (*Plane, error) {
	plane, err := start(options)
	if err != nil {
		return nil, err
	}
	if options.CRDs {
		if err := plane.installCRDs(); err != nil {
			return nil, errors.Join(err, plane.Stop())
		}
	}
	return plane, nil
}

func start(options Options) (*Plane, error) {
	if path := os.Getenv(EnvKubeconfig); path != "" {
		return useCluster(path)
	}
	if os.Getenv(EnvAssets) != "" {
		return startEnvtest()
	}
	return startDevplane(options.Dir)
}

func useCluster(path string) (*Plane, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("%s=%s: %w", EnvKubeconfig, path, err)
	}
	config, err := loadConfig(absolute)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", EnvKubeconfig, err)
	}
	return &Plane{Config: config, kind: KindCluster, kubeconfig: absolute}, nil
}

func startDevplane(dir string) (*Plane, error) {
	root, err := ModuleRoot()
	if err != nil {
		return nil, err
	}
	plane := &Plane{kind: KindDevplane}
	if dir == "" {
		dir, err = os.MkdirTemp("", "testplane-")
		if err != nil {
			return nil, fmt.Errorf("make a folder for the control plane: %w", err)
		}
		plane.temporary = true
		plane.closers = append(plane.closers, func() error { return os.RemoveAll(dir) })
	}
	plane.process = &process{binary: filepath.Join(root, "bin", "devplane"), dir: dir}
	if err := plane.process.start(context.Background()); err != nil {
		return nil, errors.Join(err, plane.Stop())
	}
	plane.kubeconfig = plane.process.kubeconfig()
	if plane.Config, err = loadConfig(plane.kubeconfig); err != nil {
		return nil, errors.Join(err, plane.Stop())
	}
	return plane, nil
}

func loadConfig(path string) (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig %s: %w", path, err)
	}
	config.QPS = -1
	return config, nil
}

// Kind says which control plane this is.
func (p *Plane) Kind() Kind { return p.kind }

// Kubeconfig is the path of a kubeconfig for Config, for processes that a test starts.
func (p *Plane) Kubeconfig() string { return p.kubeconfig }

// LogFile is the path of the control plane's log, or empty where it is not devplane's.
func (p *Plane) LogFile() string {
	if p.process == nil {
		return ""
	}
	return p.process.logFile()
}

// PID is the number of devplane's process, 0 where it is not devplane.
func (p *Plane) PID() int {
	if p.process == nil {
		return 0
	}
	return p.process.command.Process.Pid
}

// Halt stops the control plane and keeps its data; clients get refused connections until Resume.
func (p *Plane) Halt(ctx context.Context, how Shutdown) error {
	if p.process == nil {
		return ErrNotRestartable
	}
	return p.process.stop(ctx, how)
}

// Resume starts a halted control plane again on the same data, address and credentials, so that clients made before go on
// with it. It returns when the API server answers.
func (p *Plane) Resume(ctx context.Context) error {
	if p.process == nil {
		return ErrNotRestartable
	}
	return p.process.start(ctx)
}

// Restart is Halt followed by Resume. Without a Shutdown it is Graceful.
func (p *Plane) Restart(ctx context.Context, how ...Shutdown) error {
	shutdown := Graceful
	if len(how) > 0 {
		shutdown = how[0]
	}
	if err := p.Halt(ctx, shutdown); err != nil {
		return err
	}
	return p.Resume(ctx)
}

// Stop ends what Start began and removes its temporary files. A cluster that was there before is left as it is.
func (p *Plane) Stop() error {
	var problems []error
	if p.process != nil {
		// Data that is thrown away need not be put in order, which takes up to a minute while clients watch.
		how := Graceful
		if p.temporary {
			how = Kill
		}
		problems = append(problems, p.process.stop(context.Background(), how))
	}
	for _, closer := range p.closers {
		problems = append(problems, closer())
	}
	return errors.Join(problems...)
}
