package scanenvironment

import (
	"fmt"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/ack"
)

// reference is one reference of a spec on its way to something that jobs can use.
type reference struct {
	// field is its place in the spec.
	field string
	kind  ack.Kind
	// source is what the spec says.
	source v1alpha1.AWSReference
	// identifier is what AWS is asked by, set once source led to one.
	identifier string
	// resolved is what jobs use and status shows, set once AWS has confirmed the resource.
	resolved string
	// problem is why it is not usable, nil where it is.
	problem *problem
	// warning says what is amiss with a resource that scans can be done with all the same.
	warning string
	// vpc is where its ACK object says that it is.
	vpc vpc
}

// problem is why a reference is not usable.
type problem struct {
	reason  string
	message string
	// unknown means that AWS could not be asked, so the resource may be as good as it was.
	unknown bool
	// uninstalled means that ACK's kind is not there, and nothing but asking again tells when it is.
	uninstalled bool
}

// referencesOf lists the references of a spec in its order.
func referencesOf(spec v1alpha1.ScanEnvironmentSpec) []reference {
	references := []reference{
		{field: "cluster", kind: ack.Cluster, source: spec.Cluster},
		{field: "taskDefinition", kind: ack.TaskDefinition, source: spec.TaskDefinition},
	}
	for i, subnet := range spec.Network.Subnets {
		references = append(references, reference{field: fmt.Sprintf("network.subnets[%d]", i), kind: ack.Subnet, source: subnet})
	}
	for i, group := range spec.Network.SecurityGroups {
		references = append(references, reference{field: fmt.Sprintf("network.securityGroups[%d]", i), kind: ack.SecurityGroup, source: group})
	}
	if spec.Inbox != nil {
		references = append(references, reference{field: "inbox.queue", kind: ack.Queue, source: spec.Inbox.Queue})
	}
	if spec.Notifications != nil {
		references = append(references, reference{field: "notifications.topic", kind: ack.Topic, source: spec.Notifications.Topic})
	}
	if spec.Reports != nil {
		references = append(references, reference{field: "reports.bucket", kind: ack.Bucket, source: spec.Reports.Bucket})
	}
	return references
}

// objectName returns the name of the ACK object, empty where the spec gives a plain identifier.
func (r *reference) objectName() string {
	if r.source.From == nil || r.source.From.Name == nil {
		return ""
	}
	return *r.source.From.Name
}

// String names the reference for people: its field and what it refers to.
func (r *reference) String() string {
	if name := r.objectName(); name != "" {
		return fmt.Sprintf("%s: ACK %s %q", r.field, r.kind, name)
	}
	return fmt.Sprintf("%s: %s %q", r.field, r.kind.Noun(), r.source.ID)
}

// fail records why the reference is not usable: the reason is its kind and suffix, the message opens with what it is.
func (r *reference) fail(suffix, format string, arguments ...any) {
	r.problem = &problem{reason: string(r.kind) + suffix, message: r.say(format, arguments...)}
}

func (r *reference) say(format string, arguments ...any) string {
	return shorten(r.String() + " " + fmt.Sprintf(format, arguments...))
}

// shorten keeps messages of other programs from filling the status.
func shorten(message string) string {
	const limit = 1000
	runes := []rune(message)
	if len(runes) <= limit {
		return message
	}
	return string(runes[:limit]) + "…"
}
