package ack

import (
	"fmt"
	"strings"

	ackv1alpha1 "github.com/aws-controllers-k8s/runtime/apis/core/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// State says whether an ACK object's resource can be used.
type State string

const (
	// Synced: the resource exists as the object describes it.
	Synced State = "Synced"
	// NotSynced: ACK has not got there yet, or is trying again.
	NotSynced State = "NotSynced"
	// Terminal: ACK has given up until the object's spec changes.
	Terminal State = "Terminal"
	// Deleting: the object, and the resource with it, is going away.
	Deleting State = "Deleting"
)

// Observation is what an ACK object says of its resource.
type Observation struct {
	// Identifier is what AWS is asked by; set only where State is Synced.
	Identifier string
	// State says whether it can be used.
	State State
	// Message says what the ACK controller reports, where State is not Synced.
	Message string
}

// Observe reads an object of kind k. Conditions of ACK carry no observedGeneration, so an edited object looks synced until
// its controller has seen the edit.
func (k Kind) Observe(object *unstructured.Unstructured) Observation {
	conditions := conditionsOf(object)
	if object.GetDeletionTimestamp() != nil {
		return Observation{State: Deleting, Message: "it is being deleted"}
	}
	if terminal := conditions[ackv1alpha1.ConditionTypeTerminal]; terminal.status == metav1.ConditionTrue {
		return Observation{State: Terminal, Message: terminal.text("it cannot be created or updated as it is")}
	}
	if conditions[ackv1alpha1.ConditionTypeResourceSynced].status != metav1.ConditionTrue {
		return Observation{State: NotSynced, Message: k.waitingFor(conditions)}
	}
	identifier := k.identifier(object)
	if identifier == "" {
		return Observation{State: NotSynced, Message: fmt.Sprintf("it is synced, but %s is still empty", k.identifierFields())}
	}
	return Observation{Identifier: identifier, State: Synced}
}

// waitingFor picks the condition that explains best why an object is not synced. A missing reference shows in
// ReferencesResolved alone; a refused call shows in Recoverable, while ResourceSynced only says that it is unknown.
func (k Kind) waitingFor(conditions map[ackv1alpha1.ConditionType]condition) string {
	if recoverable := conditions[ackv1alpha1.ConditionTypeRecoverable]; recoverable.status == metav1.ConditionTrue {
		return recoverable.text("its controller is trying again")
	}
	references, ok := conditions[ackv1alpha1.ConditionTypeReferencesResolved]
	if ok && references.status != metav1.ConditionTrue {
		return references.text("it waits for an object that it refers to")
	}
	if synced, ok := conditions[ackv1alpha1.ConditionTypeResourceSynced]; ok {
		return synced.text("its controller is still working on it")
	}
	return fmt.Sprintf("ACK's controller for %s has not looked at it yet; see that it runs and watches this namespace", k.row().service)
}

func (k Kind) identifier(object *unstructured.Unstructured) string {
	for _, fields := range k.row().identifier {
		// A value of another type is as good as none: ACK's schema does not let it in.
		if value, found, err := unstructured.NestedString(object.Object, fields...); err == nil && found && value != "" {
			return value
		}
	}
	return ""
}

func (k Kind) identifierFields() string {
	var paths []string
	for _, fields := range k.row().identifier {
		paths = append(paths, strings.Join(fields, "."))
	}
	return strings.Join(paths, " or ")
}

type condition struct {
	status          metav1.ConditionStatus
	reason, message string
}

// text joins message and reason: which of them says something depends on the condition and the version of ACK.
func (c condition) text(otherwise string) string {
	switch {
	case c.message == "" && c.reason == "":
		return otherwise
	case c.message == "":
		return c.reason
	case c.reason == "" || c.reason == c.message:
		return c.message
	}
	return c.message + ": " + c.reason
}

func conditionsOf(object *unstructured.Unstructured) map[ackv1alpha1.ConditionType]condition {
	items, _, err := unstructured.NestedSlice(object.Object, "status", "conditions")
	if err != nil {
		return nil
	}
	conditions := make(map[ackv1alpha1.ConditionType]condition, len(items))
	for _, item := range items {
		fields, ok := item.(map[string]any)
		if !ok {
			continue
		}
		conditions[ackv1alpha1.ConditionType(stringField(fields, "type"))] = condition{
			status:  metav1.ConditionStatus(stringField(fields, "status")),
			reason:  stringField(fields, "reason"),
			message: stringField(fields, "message"),
		}
	}
	return conditions
}

func stringField(fields map[string]any, name string) string {
	value, _ := fields[name].(string)
	return value
}
