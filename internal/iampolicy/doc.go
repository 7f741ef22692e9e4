// Package iampolicy reads and evaluates IAM policies: identity policies of roles, trust policies, and policies of queues
// and topics. It knows what this project's policies are written with and refuses the rest when it reads it, so that no
// element is silently without effect. It is for tests and the local AWS, which prove with it that the policies under
// config/aws are enough and not more than that.
//
// The rules are those of the IAM user guide: a request is allowed if some statement allows it and none denies it
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html).
package iampolicy
