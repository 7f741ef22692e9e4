package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// sink is a place where a secret could end up.
type sink struct {
	// name is of many things.
	name string
	text string
	// count is how many things; none is an error, as looking for a secret in nothing proves nothing.
	count int
}

// sinks gathers all that the system has written anywhere.
func (d *demo) sinks(ctx context.Context) ([]sink, error) {
	jobs, events := &scanv1.ScanJobList{}, &corev1.EventList{}
	for _, list := range []client.ObjectList{jobs, events} {
		if err := d.kube.List(ctx, list, client.InNamespace(d.namespace)); err != nil {
			return nil, fmt.Errorf("list %T: %w", list, err)
		}
	}
	reports, err := d.reports(ctx)
	if err != nil {
		return nil, err
	}
	var scannerLog []string
	for _, line := range d.stack.AWS.LogLines() {
		scannerLog = append(scannerLog, line.Message)
	}
	managerLog := d.manager.Log()
	sinks := []sink{
		{name: "manager's log lines", text: managerLog, count: strings.Count(managerLog, "\n")},
		{name: "scanners' log lines", text: strings.Join(scannerLog, "\n"), count: len(scannerLog)},
		{name: "S3 reports", text: strings.Join(reports, "\n"), count: len(reports)},
	}
	aws := d.stack.AWS
	for _, things := range []struct {
		name  string
		count int
		all   any
	}{
		{"ScanJobs", len(jobs.Items), jobs.Items}, {"Kubernetes events", len(events.Items), events.Items},
		{"SNS messages", len(aws.Publishes()), aws.Publishes()}, {"e-mails", len(aws.Mail()), aws.Mail()},
		{"ECS tasks", len(aws.Tasks()), aws.Tasks()}, {"EventBridge events", len(aws.Events()), aws.Events()},
	} {
		text, err := json.Marshal(things.all)
		if err != nil {
			return nil, fmt.Errorf("read the %s: %w", things.name, err)
		}
		sinks = append(sinks, sink{name: things.name, text: string(text), count: things.count})
	}
	return sinks, nil
}

// reports are the contents of the report bucket.
func (d *demo) reports(ctx context.Context) ([]string, error) {
	bucket := d.stack.Resources.Bucket
	list, err := s3.NewFromConfig(d.stack.Admin, func(o *s3.Options) { o.UsePathStyle = true }).
		ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String(bucket)})
	if err != nil {
		return nil, fmt.Errorf("list the report bucket: %w", err)
	}
	var reports []string
	for _, object := range list.Contents {
		stored, ok := d.stack.AWS.Object(bucket, aws.ToString(object.Key))
		if !ok {
			return nil, fmt.Errorf("report %s is listed and not there", aws.ToString(object.Key))
		}
		reports = append(reports, string(stored.Body))
	}
	return reports, nil
}

// search looks for traces of a leak in the sinks.
func search(sinks []sink, traces []string) error {
	for _, s := range sinks {
		if s.count == 0 {
			return fmt.Errorf("there are no %s to look into", s.name)
		}
		for _, trace := range traces {
			// The trace itself is not told: this message may be recorded.
			if strings.Contains(s.text, trace) {
				return fmt.Errorf("a part of the leaked secrets is in the %s", s.name)
			}
		}
	}
	return nil
}
