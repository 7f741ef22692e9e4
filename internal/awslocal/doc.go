// Package awslocal is a local AWS for the demo and the tests: one HTTP server on the loopback interface that speaks the
// real wire protocols to unmodified aws-sdk-go-v2 clients. It covers ECS on Fargate, SQS, SNS, EventBridge, CodeCommit
// (API and Git over HTTP), S3, CloudWatch Logs and STS as far as this project uses them, and it behaves as the real
// services do also where that is unpleasant: answers that get lost, capacity that is missing, events that come twice or
// not at all. Nothing of the product imports it.
//
// A test starts a server, provisions what the project's AWS manifests would, and hands the configuration to the code
// under test:
//
//	server, err := awslocal.Start(awslocal.Options{Container: awslocal.ExitWith(0)})
//	defer server.Close()
//	resources, err := awslocal.Provision(ctx, server.Config(), awslocal.DefaultNames())
//	server.Faults().LoseAnswer("ecs", "RunTask", 1)
//
// What it does not do: networks and security groups (a container reaches whatever this machine reaches), CPU and memory of
// containers (OutOfMemory is a switch), image pulls (a container is a Go function or a process), KMS, CloudTrail, regions
// beside its own, prices, the redelivery of SNS to subscribers that fail, and the age of a request beyond the day in its
// signature's scope. An operation that the project does not use is refused; a parameter that it does not use is
// not looked at.
//
// All state is in memory, but for the Git repositories, which are bare repositories in a folder.
package awslocal
