package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/controllers"
	"github.com/scanjob-dev/scanjob/controllers/scanenvironment"
	"github.com/scanjob-dev/scanjob/internal/awsclient"
)

// The exit codes of preflight.
const (
	exitReady    = 0
	exitNotReady = 1
	exitUsage    = 2
)

// whoTimeout bounds the question who asks.
const whoTimeout = 10 * time.Second

const preflightUsage = `manager preflight checks ScanEnvironments once, as the manager does, and says what is there and what is missing
on AWS's side. It changes nothing. It asks AWS as whoever runs it: in a pod of the manager that is the manager.

  manager preflight [--namespace NAMESPACE] [--environment NAME]

It ends with 0 where every environment is Ready, with 1 where one is not, and with 2 where it cannot be asked.

`

// preflight runs the subcommand of that name and returns its exit code.
func preflight(ctx context.Context, arguments []string, out, complaints io.Writer) int {
	flags := flag.NewFlagSet("preflight", flag.ContinueOnError)
	flags.SetOutput(complaints)
	flags.Usage = func() {
		fmt.Fprint(complaints, preflightUsage)
		flags.PrintDefaults()
	}
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	namespace := flags.String("namespace", "", "namespace of the environments (default: the kubeconfig's, or the pod's)")
	name := flags.String("environment", "", "the only environment to check (default: all of the namespace)")
	region := flags.String("aws-region", "", "region of environments that name none (default: the AWS SDK's)")
	flags.StringVar(&rules.ExplicitPath, "kubeconfig", "", "path of a kubeconfig (default: KUBECONFIG, ~/.kube/config, or the pod's service account)")
	switch err := flags.Parse(arguments); {
	case errors.Is(err, flag.ErrHelp):
		return exitReady
	case err != nil:
		return exitUsage
	case flags.NArg() > 0:
		fmt.Fprintf(complaints, "manager preflight: it takes no argument %q\n", flags.Arg(0))
		return exitUsage
	}
	ready, err := checkOnce(ctx, clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, nil), *namespace, *name, *region, out)
	if err != nil {
		fmt.Fprintln(complaints, "manager preflight:", err)
		return exitUsage
	}
	if !ready {
		return exitNotReady
	}
	return exitReady
}

// checkOnce checks one environment of a namespace, or all where name is empty, and says whether each is Ready. An empty
// namespace is the cluster configuration's.
func checkOnce(ctx context.Context, cluster clientcmd.ClientConfig, namespace, name, region string, out io.Writer) (bool, error) {
	config, err := cluster.ClientConfig()
	if err != nil {
		return false, fmt.Errorf("find the cluster: %w", err)
	}
	if namespace == "" {
		if namespace, _, err = cluster.Namespace(); err != nil {
			return false, fmt.Errorf("find the namespace: %w", err)
		}
	}
	scheme, err := controllers.NewScheme()
	if err != nil {
		return false, err
	}
	reader, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		return false, fmt.Errorf("reach the cluster: %w", err)
	}
	cfg, err := awsclient.Load(ctx)
	if err != nil {
		return false, err
	}
	cfg.Region = cmp.Or(region, cfg.Region)
	environments, err := environmentsOf(ctx, reader, namespace, name)
	if err != nil {
		return false, err
	}
	factory, ready := awsclient.NewFactory(cfg), true
	for i := range environments {
		environment := &environments[i]
		status, err := scanenvironment.Preflight(ctx, reader, factory, environment)
		if err != nil {
			return false, err
		}
		ready = meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionReady) && ready
		if err := show(out, environment, status, whoAsks(ctx, factory, environment)); err != nil {
			return false, err
		}
	}
	return ready, nil
}

// environmentsOf returns the environments to check, at least one.
func environmentsOf(ctx context.Context, reader client.Reader, namespace, name string) ([]v1alpha1.ScanEnvironment, error) {
	if name != "" {
		var environment v1alpha1.ScanEnvironment
		err := reader.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &environment)
		return []v1alpha1.ScanEnvironment{environment}, err
	}
	var list v1alpha1.ScanEnvironmentList
	if err := reader.List(ctx, &list, client.InNamespace(namespace)); err != nil {
		return nil, err
	}
	if len(list.Items) == 0 {
		return nil, fmt.Errorf("there is no ScanEnvironment in namespace %s", namespace)
	}
	return list.Items, nil
}

// whoAsks names the identity that AWS is asked with for an environment.
func whoAsks(ctx context.Context, factory *awsclient.Factory, environment *v1alpha1.ScanEnvironment) string {
	scope := awsclient.ScopeOf(environment.Spec)
	if cmp.Or(scope.Region, factory.DefaultRegion()) == "" {
		return "nobody: there is no region"
	}
	ctx, cancel := context.WithTimeout(ctx, whoTimeout)
	defer cancel()
	identity, err := factory.For(scope).STS.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "nobody: " + awsclient.Short(err)
	}
	return aws.ToString(identity.Arn)
}

// show prints an environment: the references in a table, and below in words what is amiss.
func show(out io.Writer, environment *v1alpha1.ScanEnvironment, status v1alpha1.ScanEnvironmentStatus, identity string) error {
	ready := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady)
	verdict := "Ready"
	if ready.Status != "True" {
		verdict = "not Ready: " + ready.Reason
	}
	fmt.Fprintf(out, "ScanEnvironment %s/%s is %s\nasked as %s\n\n", environment.Namespace, environment.Name, verdict, identity)
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "REFERENCE\tRESULT\tFOUND")
	var missing, warnings []string
	for _, entry := range status.References {
		result := "ok"
		switch {
		case !entry.Ready:
			result = entry.Reason
			missing = append(missing, entry.Message)
		case entry.Message != "":
			result = "ok, with a warning"
			warnings = append(warnings, entry.Message)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", entry.Field, result, entry.Resolved)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if degraded := meta.FindStatusCondition(environment.Status.Conditions, v1alpha1.ConditionDegraded); degraded != nil && degraded.Status == "True" {
		warnings = append(warnings, degraded.Message)
	}
	list(out, "missing", missing)
	list(out, "warning", warnings)
	_, err := fmt.Fprintln(out)
	return err
}

// list prints texts, each on a line of its own that opens with what they are.
func list(out io.Writer, what string, texts []string) {
	if len(texts) > 0 {
		fmt.Fprintf(out, "\n%s: %s\n", what, strings.Join(texts, "\n"+what+": "))
	}
}
