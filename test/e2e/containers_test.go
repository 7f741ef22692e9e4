package e2e

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

// scannerBinary returns the path of the real scanner, which make test builds.
func scannerBinary(t *testing.T) string {
	t.Helper()
	return binary(t, "scanner")
}

// managerBinary returns the path of the real manager.
func managerBinary(t *testing.T) string {
	t.Helper()
	return binary(t, "manager")
}

func binary(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "..", "bin", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v: run make test, or make build first", err)
	}
	return path
}

// publishes is a container that finds one thing and reports it, as the contract says.
func publishes() awslocal.Runner {
	return awslocal.RunnerFunc(func(ctx context.Context, c awslocal.Container) int {
		if err := publish(ctx, c); err != nil {
			return contract.ExitTemporary
		}
		return contract.ExitFindings
	})
}

func publish(ctx context.Context, c awslocal.Container) error {
	attempt, err := strconv.Atoi(c.Env(contract.EnvAttempt))
	if err != nil {
		return err
	}
	document, err := json.Marshal(contract.Result{
		Schema:     contract.Schema,
		ScanJob:    contract.JobReference{Namespace: c.Env(contract.EnvNamespace), Name: c.Env(contract.EnvName), UID: c.Env(contract.EnvUID), Attempt: attempt},
		Source:     contract.Source{Repository: c.Env(contract.EnvRepository), Revision: c.Env(contract.EnvRevision), Mode: c.Env(contract.EnvMode)},
		Total:      1,
		New:        1,
		BySeverity: map[contract.Severity]int{contract.SeverityHigh: 1},
		Findings:   []contract.Finding{{Rule: "test-rule", Severity: contract.SeverityHigh, Path: "a.txt", Line: 1, Preview: "AKIA********", Fingerprint: "f"}},
	})
	if err != nil {
		return err
	}
	message, err := json.Marshal(map[string]string{"default": string(document), "email": "one finding"})
	if err != nil {
		return err
	}
	_, err = sns.NewFromConfig(c.Config()).Publish(ctx, &sns.PublishInput{
		TopicArn: aws.String(c.Env(contract.EnvTopic)), Message: aws.String(string(message)), MessageStructure: aws.String("json"), Subject: aws.String("findings"),
	})
	return err
}

// firstThen runs the first container for a job's first attempt and the second for all others.
func firstThen(first, others awslocal.Runner) awslocal.Runner {
	return awslocal.RunnerFunc(func(ctx context.Context, c awslocal.Container) int {
		if c.Env(contract.EnvAttempt) == "1" {
			return first.Run(ctx, c)
		}
		return others.Run(ctx, c)
	})
}
