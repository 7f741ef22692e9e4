package ack

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// VPC returns which VPC an object of kind Subnet or SecurityGroup says that it is in: the name of the ACK VPC that it
// refers to, or else the identifier. Both are empty where it does not say.
func VPC(object *unstructured.Unstructured) (name, id string) {
	return textAt(object, "spec", "vpcRef", "from", "name"), textAt(object, "spec", "vpcID")
}

// textAt returns a text in an object; one of another type is as good as none, since ACK's schema does not let it in.
func textAt(object *unstructured.Unstructured, path ...string) string {
	text, _, err := unstructured.NestedString(object.Object, path...)
	if err != nil {
		return ""
	}
	return text
}
