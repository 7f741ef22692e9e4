// Command jobcontroller is kube-controller-manager's controller of batch/v1 Jobs alone, unmodified, as a process of its own:
// the yardstick of hack/bench/controller.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/kubernetes/pkg/controller/job"
)

// resyncPeriod is kube-controller-manager's --min-resync-period.
const resyncPeriod = 12 * time.Hour

func main() {
	kubeconfig := flag.String("kubeconfig", "", "path of the cluster's kubeconfig (required)")
	workers := flag.Int("workers", 16, "how many Jobs are synchronised at once; kube-controller-manager's own default is 5")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *kubeconfig, *workers); err != nil {
		fmt.Fprintln(os.Stderr, "jobcontroller:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, kubeconfig string, workers int) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return fmt.Errorf("read kubeconfig %s: %w", kubeconfig, err)
	}
	// As ScanJob's manager: the API server's own priority and fairness is the limit.
	config.QPS = -1
	config.ContentType = "application/vnd.kubernetes.protobuf"
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	informers := informers.NewSharedInformerFactory(client, resyncPeriod)
	controller, err := job.NewController(ctx, client, informers.Core().V1().Pods(), informers.Batch().V1().Jobs(), nil, nil)
	if err != nil {
		return err
	}
	informers.Start(ctx.Done())
	controller.Run(ctx, workers)
	return nil
}
