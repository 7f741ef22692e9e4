package scanenvironment

import (
	"fmt"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/ack"
)

// vpc is where an ACK object says that its subnet or security group is; zero where it does not say, as for a plain
// identifier. One may name the ACK VPC and another the same VPC by its identifier, so only like is compared with like.
type vpc struct{ name, id string }

func (v vpc) differs(other vpc) bool {
	return v.name != "" && other.name != "" && v.name != other.name || v.id != "" && other.id != "" && v.id != other.id
}

func (v vpc) String() string {
	if v.name != "" {
		return fmt.Sprintf("ACK VPC %q", v.name)
	}
	return v.id
}

// oneVPC refuses subnets and security groups of another VPC than the first one's. What the manager may ask AWS does not
// tell; what ACK's objects say of themselves does.
func oneVPC(references []reference) {
	var first *reference
	for i := range references {
		ref := &references[i]
		switch {
		case ref.vpc == vpc{}:
		case first == nil:
			first = ref
		case ref.problem == nil && ref.vpc.differs(first.vpc):
			ref.fail(v1alpha1.ReasonSuffixInvalid, "is in %s, and %s in %s; a task's subnets and security groups must be of one VPC", ref.vpc, first.field, first.vpc)
		}
	}
}

// placed says whether resources of a kind are in a VPC.
func placed(kind ack.Kind) bool { return kind == ack.Subnet || kind == ack.SecurityGroup }
