package awslocal

// InOtherVPC puts a subnet or security group into another VPC than all the others, which are of one, for as long as the
// server runs. There is no EC2 here that one could be made in.
func (f *Faults) InOtherVPC(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.otherVPC[id] = true
}

// sameVPC refuses a network whose parts are not of one VPC, in ECS's words.
func (f *Faults) sameVPC(network networkConfiguration) *Error {
	const code = "InvalidParameterException"
	f.mu.Lock()
	defer f.mu.Unlock()
	other := f.otherVPC[network.Subnets[0]]
	for _, subnet := range network.Subnets {
		if f.otherVPC[subnet] != other {
			return refuse(code, "Subnet %s does not appear to belong to the same VPC as the other input subnets.", subnet)
		}
	}
	for _, group := range network.SecurityGroups {
		if f.otherVPC[group] != other {
			return refuse(code, "Security group %s does not appear to belong to the same VPC as the input subnets.", group)
		}
	}
	return nil
}

// CannotPassRole is RunTask's answer to a caller that may start the task and not pass it its role.
func CannotPassRole(callerARN, roleARN string) *Error {
	return refuse("AccessDeniedException", "User: %s is not authorized to perform: iam:PassRole on resource: %s because no identity-based policy allows the iam:PassRole action",
		callerARN, roleARN)
}

// OtherArchitecture is an image without a variant for the task's CPU architecture.
func OtherArchitecture() StartFailure {
	const reason = "CannotPullContainerError: pull image manifest has been retried 1 time(s): image Manifest does not contain descriptor matching platform 'linux/amd64'"
	return StartFailure{Pulling: true, StoppedReason: reason, ContainerReason: reason}
}
