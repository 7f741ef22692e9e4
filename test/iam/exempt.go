package iam

// Grant is a permission of a role.
type Grant struct{ Role, Action string }

// NotExercised are the permissions that the end-to-end suite cannot use, with the reason. All others it must use.
func NotExercised() map[Grant]string {
	const (
		pull = "Fargate pulls the image before the container starts; the local AWS runs a binary of this machine in its place"
		log  = "Fargate's log driver writes the log from outside of the container; the local AWS takes the lines from the process"
	)
	return map[Grant]string{
		{ExecutionRole, "ecr:GetAuthorizationToken"}:       pull,
		{ExecutionRole, "ecr:BatchCheckLayerAvailability"}: pull,
		{ExecutionRole, "ecr:BatchGetImage"}:               pull,
		{ExecutionRole, "ecr:GetDownloadUrlForLayer"}:      pull,
		{ExecutionRole, "logs:CreateLogStream"}:            log,
		{ExecutionRole, "logs:PutLogEvents"}:               log,
	}
}
