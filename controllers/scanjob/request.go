package scanjob

import (
	"strconv"
	"strings"
	"time"

	"github.com/scanjob-dev/scanjob/api/contract"
	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/fargate"
)

// tagEnvironmentUID tells the tasks of this cluster's environments from those that another cluster runs in the same ECS
// cluster.
const tagEnvironmentUID = "scanjob.dev/environment-uid"

// request returns what an attempt asks ECS for. It depends on the job, the environment and the attempt's record alone, so
// that repeating it after a crash gives the same bytes.
func (r *Reconciler) request(s *scope, attempt *scanv1.Attempt) fargate.Request {
	job, environment := s.job, s.environment
	resolved := environment.Status.Resolved
	request := fargate.Request{
		UID:               string(job.UID),
		Attempt:           attempt.Number,
		ClusterARN:        attempt.ClusterARN,
		TaskDefinitionARN: attempt.TaskDefinitionARN,
		ContainerName:     attempt.ContainerName,
		Subnets:           subnetsFor(attempt, environment),
		SecurityGroups:    resolved.SecurityGroups,
		AssignPublicIP:    environment.Spec.Network.AssignPublicIP,
		Strategy:          strategyOf(attempt, environment),
		Environment:       variables(job, environment, attempt, r.options.GitEndpoint),
		Tags: map[string]string{
			"scanjob.dev/namespace":   job.Namespace,
			"scanjob.dev/name":        job.Name,
			"scanjob.dev/uid":         string(job.UID),
			"scanjob.dev/environment": environment.Name,
			tagEnvironmentUID:         string(environment.UID),
		},
	}
	if wanted := job.Spec.Resources; wanted != nil {
		request.CPU = cpuUnits(wanted.CPU)
		request.Memory = mebibytes(wanted.Memory)
		request.EphemeralStorageGiB = gibibytes(wanted.EphemeralStorage)
	}
	if container := job.Spec.Container; container != nil {
		request.Command = container.Command
	}
	return request
}

// variables returns the container's environment by the contract. The job's own variables cannot replace the contract's.
func variables(job *scanv1.ScanJob, environment *scanv1.ScanEnvironment, attempt *scanv1.Attempt, gitEndpoint string) map[string]string {
	vars := map[string]string{}
	if job.Spec.Container != nil {
		for _, variable := range job.Spec.Container.Env {
			if !reserved(variable.Name) {
				vars[variable.Name] = variable.Value
			}
		}
	}
	resolved := environment.Status.Resolved
	set := func(name, value string) {
		if value != "" {
			vars[name] = value
		}
	}
	set(contract.EnvNamespace, job.Namespace)
	set(contract.EnvName, job.Name)
	set(contract.EnvUID, string(job.UID))
	set(contract.EnvAttempt, strconv.Itoa(int(attempt.Number)))
	set(contract.EnvRevision, job.Spec.Source.Revision)
	set(contract.EnvBaseRevision, job.Spec.Source.BaseRevision)
	set(contract.EnvMode, string(job.Spec.Mode))
	set(contract.EnvFailOn, string(job.Spec.FailOn))
	set(contract.EnvRepositoryConfiguration, string(environment.Spec.RepositoryConfiguration))
	set(contract.EnvTopic, resolved.TopicARN)
	set(contract.EnvTraceParent, fargate.TraceParent(string(job.UID), attempt.Number))
	if due := deadlineAfter(job, attempt); !due.IsZero() {
		set(contract.EnvDeadline, due.UTC().Format(time.RFC3339))
	}
	switch source := job.Spec.Source; {
	case source.CodeCommit != nil:
		set(contract.EnvSourceURL, codeCommitURL(gitEndpoint, resolved.Region, source.CodeCommit.Repository))
		set(contract.EnvSourceAuth, contract.AuthCodeCommit)
		set(contract.EnvRepository, source.CodeCommit.Repository)
		set(contract.EnvPullRequestID, source.CodeCommit.PullRequestID)
	case source.Git != nil:
		set(contract.EnvSourceURL, source.Git.URL)
		set(contract.EnvRepository, repositoryName(source.Git.URL))
		set(contract.EnvPullRequestID, source.Git.PullRequestID)
	}
	if resolved.Bucket != "" {
		prefix := ""
		if environment.Spec.Reports != nil {
			prefix = environment.Spec.Reports.Prefix
		}
		set(contract.EnvReportURI, "s3://"+resolved.Bucket+"/"+prefix+job.Namespace+"/"+job.Name+"/"+
			string(job.UID)+"-"+strconv.Itoa(int(attempt.Number))+".sarif")
	}
	return vars
}

// reserved says whether a variable belongs to the contract or decides who the task is. The API refuses these names; an
// unset variable of the contract, such as the topic, must not become the job's to choose should one get through.
func reserved(name string) bool {
	for _, prefix := range []string{"SCAN_", "SCANJOB_", "AWS_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return name == contract.EnvTopic || name == contract.EnvTraceParent
}

// deadlineAfter is deadline for an attempt that is about to be the job's first.
func deadlineAfter(job *scanv1.ScanJob, attempt *scanv1.Attempt) time.Time {
	if due := deadline(job); !due.IsZero() || job.Spec.ActiveDeadlineSeconds == nil {
		return due
	}
	return attempt.RecordedAt.Add(time.Duration(*job.Spec.ActiveDeadlineSeconds) * time.Second)
}

func codeCommitURL(endpoint, region, repository string) string {
	endpoint = strings.NewReplacer("{region}", region, "{suffix}", dnsSuffix(region)).Replace(endpoint)
	return strings.TrimSuffix(endpoint, "/") + "/v1/repos/" + repository
}

// repositoryName returns the last part of a Git URL, for people.
func repositoryName(url string) string {
	url = strings.TrimSuffix(strings.TrimSuffix(url, "/"), ".git")
	return url[strings.LastIndexByte(url, '/')+1:]
}

// cpuUnits turns vCPU as the API's enum has them into ECS's units of 1/1024 vCPU.
func cpuUnits(vcpu string) string {
	switch vcpu {
	case "":
		return ""
	case "250m":
		return "256"
	case "500m":
		return "512"
	}
	n, err := strconv.Atoi(vcpu)
	if err != nil {
		return ""
	}
	return strconv.Itoa(n * 1024)
}

// mebibytes turns 512Mi or nGi into ECS's number of MiB.
func mebibytes(memory string) string {
	if n, ok := strings.CutSuffix(memory, "Mi"); ok {
		return n
	}
	if n := gibibytes(memory); n != 0 {
		return strconv.Itoa(int(n) * 1024)
	}
	return ""
}

// gibibytes returns n of nGi, 0 for anything else.
func gibibytes(quantity string) int32 {
	digits, ok := strings.CutSuffix(quantity, "Gi")
	if !ok {
		return 0
	}
	n, err := strconv.ParseInt(digits, 10, 32)
	if err != nil {
		return 0
	}
	return int32(n)
}
