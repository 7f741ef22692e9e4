package aws

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/fargate"
	"github.com/scanjob-dev/scanjob/internal/testplane"
	"github.com/scanjob-dev/scanjob/scanner/detect"
)

// guide is docs/install-aws.md.
func guide(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), "docs", "install-aws.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func root(t *testing.T) string {
	t.Helper()
	root, err := testplane.ModuleRoot()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// commandsOf are the commands that a page shows, each with the lines that belong to it: as many as it takes until the shell
// has no question left. What follows is its answer.
func commandsOf(t *testing.T, text string) []string {
	t.Helper()
	var commands []string
	for _, block := range regexp.MustCompile("(?s)```console\n(.*?)```").FindAllStringSubmatch(text, -1) {
		lines := strings.Split(block[1], "\n")
		for i := 0; i < len(lines); i++ {
			command, ok := strings.CutPrefix(lines[i], "$ ")
			if !ok {
				continue
			}
			complaint := complete(t, command)
			for complaint != "" && i+1 < len(lines) && !strings.HasPrefix(lines[i+1], "$ ") {
				i++
				command += "\n" + lines[i]
				complaint = complete(t, command)
			}
			if complaint != "" {
				t.Errorf("the shell does not understand\n%s\n%s", command, complaint)
			}
			commands = append(commands, command)
		}
	}
	return commands
}

// complete is what the shell says about a command that it is not to run: nothing, when all of it is there.
func complete(t *testing.T, command string) string {
	t.Helper()
	if strings.HasSuffix(command, `\`) {
		return "it goes on"
	}
	check := exec.CommandContext(t.Context(), "bash", "-n")
	check.Stdin = strings.NewReader(command + "\n")
	output, err := check.CombinedOutput()
	if err != nil && len(output) == 0 {
		return err.Error()
	}
	return string(output)
}

// The commands that need AWS are only read by the shell; those for the API server are run, without the manager.
func TestTheGuidesKubectlCommandsWork(t *testing.T) {
	kubectl, err := exec.LookPath("kubectl")
	if err != nil {
		t.Skip("there is no kubectl to run them")
	}
	// What they need: pods, images, the manager, or an API server of one's own.
	others := regexp.MustCompile(`rollout|exec |wait |get pods|delete crd|delete namespace|scanjob-system`)
	t.Cleanup(func() {
		kube, err := client.New(plane.Config, client.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := client.IgnoreNotFound(kube.Delete(context.Background(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "scans"}})); err != nil {
			t.Error(err)
		}
	})
	var ran []string
	for _, command := range commandsOf(t, guide(t)) {
		if !strings.HasPrefix(command, "kubectl ") || others.MatchString(command) {
			continue
		}
		command = strings.TrimSuffix(command, " -w")
		run := exec.CommandContext(t.Context(), "bash", "-c", strings.Replace(command, "kubectl", kubectl, 1))
		run.Dir, run.Env = root(t), append(os.Environ(), "KUBECONFIG="+plane.Kubeconfig())
		if output, err := run.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", command, err, output)
		}
		ran = append(ran, command)
	}
	want := []string{
		"kubectl create namespace scans", "kubectl apply --server-side -n scans -k config/aws -l scanjob.dev/apply=first",
		"kubectl apply --server-side -n scans -k config/aws",
		"kubectl -n scans get scanenvironment default", "kubectl -n scans get scanjobs",
		"kubectl -n scans delete scantriggers,scanschedules --all", "kubectl -n scans delete scanjobs --all",
		"kubectl -n scans delete scanenvironments --all", "kubectl delete -n scans -k config/aws --ignore-not-found",
	}
	if diff := cmp.Diff(want, ran); diff != "" {
		t.Errorf("the commands that were run:\n%s", diff)
	}
}

// The guide's first pull request leaks a key by two lines of shell; the scanner must find both.
func TestTheGuidesLeakIsFound(t *testing.T) {
	var script []string
	for _, command := range commandsOf(t, guide(t)) {
		if strings.HasPrefix(command, "echo ") {
			script = append(script, command)
		}
	}
	leak := exec.CommandContext(t.Context(), "bash", "-c", strings.Join(script, "\n"))
	leak.Dir = t.TempDir()
	if output, err := leak.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	text, err := os.ReadFile(filepath.Join(leak.Dir, ".env"))
	if err != nil {
		t.Fatal(err)
	}
	detector, err := detect.New()
	if err != nil {
		t.Fatal(err)
	}
	found, err := detector.Scan(t.Context(), bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var rules []string
	for _, match := range found {
		rules = append(rules, match.Rule)
	}
	slices.Sort(rules)
	if diff := cmp.Diff([]string{"aws-access-key-id", "aws-secret-access-key"}, rules); diff != "" {
		t.Errorf("found:\n%s", diff)
	}
}

func TestTheGuidesPricesAreThoseOfTheStatus(t *testing.T) {
	page := guide(t)
	for _, architecture := range []v1alpha1.Architecture{v1alpha1.ArchitectureARM64, v1alpha1.ArchitectureAMD64} {
		// Both are long enough for six decimals to say what the guide rounds to five.
		var cells []string
		for _, billed := range []time.Duration{time.Minute, 10 * time.Minute} {
			var usd float64
			if _, err := fmt.Sscan(fargate.AddCost(nil, "1024", "2048", architecture, billed).EstimatedUSD, &usd); err != nil {
				t.Fatal(err)
			}
			cells = append(cells, fmt.Sprintf("$%.5f", usd))
		}
		if row := "| " + strings.Join(cells, " | ") + " |"; !strings.Contains(page, row) {
			t.Errorf("%s: the guide has not %s", architecture, row)
		}
	}
}

func TestTheGuideNamesWhatIsThere(t *testing.T) {
	page, values := guide(t), defaults(t)
	for _, link := range regexp.MustCompile(`\]\(([^)#]+)\)`).FindAllStringSubmatch(page, -1) {
		if strings.HasPrefix(link[1], "https://") {
			continue
		}
		if _, err := os.Stat(filepath.Join(root(t), "docs", link[1])); err != nil {
			t.Error(err)
		}
	}
	makefile, err := os.ReadFile(filepath.Join(root(t), "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range regexp.MustCompile(`make ([a-z]+)`).FindAllStringSubmatch(strings.Join(commandsOf(t, page), "\n"), -1) {
		if !strings.Contains(string(makefile), "\n"+target[1]+":") {
			t.Errorf("the Makefile has no target %s", target[1])
		}
	}
	for _, name := range regexp.MustCompile("`([A-Z_]{4,})`").FindAllStringSubmatch(page, -1) {
		if _, ok := values[name[1]]; !ok {
			t.Errorf("config/aws/kustomization.yaml has no value %s", name[1])
		}
	}
	for _, text := range []string{
		"role/" + values["MANAGER_ROLE"], "--repository-name " + values["ECR_REPOSITORY"], "s3://" + values["BUCKET"] + "-$ACCOUNT-$AWS_REGION",
		"/aws/ecs/containerinsights/" + values["CLUSTER"] + "/performance", ":" + values["TOPIC"] + " ", "--notification-endpoint " + values["EMAIL"],
		"--repository-name " + values["REPOSITORIES_A"], "export AWS_REGION=" + values["REGION"] + " CLUSTER=" + values["EKS_CLUSTER"],
	} {
		if !strings.Contains(page, text) {
			t.Errorf("the guide does not have %q, as config/aws/kustomization.yaml has", text)
		}
	}
}

// What is taken down is what was set up: the same controllers with the same policies.
func TestTheGuideTakesDownTheControllersThatItSetUp(t *testing.T) {
	setUp, takenDown := []string{}, []string{}
	for _, command := range commandsOf(t, guide(t)) {
		for _, row := range regexp.MustCompile(`(?m)^([a-z0-9]+) (?:[0-9.]+ )?([A-Za-z0-9_]+FullAccess)$`).FindAllStringSubmatch(command, -1) {
			controller := row[1] + " " + row[2]
			switch {
			case strings.Contains(command, "helm install "):
				setUp = append(setUp, controller)
			case strings.Contains(command, "helm uninstall "):
				takenDown = append(takenDown, controller)
			}
		}
	}
	if len(setUp) != 9 {
		t.Errorf("the guide sets up %v, want nine controllers", setUp)
	}
	if diff := cmp.Diff(setUp, takenDown); diff != "" {
		t.Errorf("set up (-), taken down (+):\n%s", diff)
	}
}
