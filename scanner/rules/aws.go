package rules

import "github.com/scanjob-dev/scanjob/api/contract"

// The rules for AWS, which the package detect finds by code.
//
//nolint:gosec // Names of rules, not credentials.
const (
	AccessKeyID       = "aws-access-key-id"
	SecretAccessKey   = "aws-secret-access-key"
	SessionToken      = "aws-session-token"
	GitCredential     = "aws-codecommit-git-credential"
	BedrockKey        = "aws-bedrock-api-key"
	SMTPPassword      = "aws-ses-smtp-password"
	MWSToken          = "aws-mws-auth-token"
	AppSyncKey        = "aws-appsync-api-key"
	ECRToken          = "aws-ecr-token"
	CodeArtifactToken = "aws-codeartifact-token"
	CognitoSecret     = "aws-cognito-client-secret"
	PresignedURL      = "aws-presigned-url"
	RDSToken          = "aws-rds-auth-token"
	AccountID         = "aws-account-id"
)

const (
	userGuide = "https://docs.aws.amazon.com/IAM/latest/UserGuide/"
	leaked    = "https://repost.aws/knowledge-center/potential-account-compromise"
)

// AWS returns the rules for AWS, worst first.
func AWS() *Set {
	return &Set{Rules: append(awsLongTerm(), awsShortTerm()...)}
}

// awsLongTerm are the rules for what opens something until somebody revokes it.
func awsLongTerm() []Rule {
	return []Rule{
		{
			ID: SecretAccessKey, Code: true, Description: "AWS secret access key", Severity: contract.SeverityCritical,
			Advice: "Treat the key as stolen: deactivate it in IAM now, look for its use in CloudTrail, issue a new one and keep that in " +
				"Secrets Manager or use a role instead. Removing it from the branch is not enough: it stays in the history.",
			Links: []string{userGuide + "id-credentials-access-keys-update.html", leaked},
		},
		{
			ID: GitCredential, Code: true, Description: "CodeCommit Git user name with its password", Severity: contract.SeverityCritical,
			Advice: "Reset or deactivate the Git credentials of this IAM user now (aws iam reset-service-specific-credential), and use " +
				"git-remote-codecommit or a role instead.",
			Links: []string{userGuide + "id_credentials_service-specific-creds.html"},
		},
		{
			ID: BedrockKey, Code: true, Description: "Amazon Bedrock API key", Severity: contract.SeverityCritical,
			Advice: "Deactivate the key in IAM now (aws iam update-service-specific-credential --status Inactive), look for its use in " +
				"CloudTrail, and use a role instead. A short-term key ends with the session that made it, after 12 hours at most.",
			Links: []string{"https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys.html"},
		},
		{
			ID: SMTPPassword, Code: true, Description: "Amazon SES SMTP password", Severity: contract.SeverityCritical,
			Advice: "Deactivate the access key of the IAM user that the SMTP credentials belong to, and create new ones in the SES console: " +
				"the password is made of the secret key, and sends mail in your name.",
			Links: []string{"https://docs.aws.amazon.com/ses/latest/dg/smtp-credentials.html"},
		},
		{
			ID: AccessKeyID, Code: true, Description: "AWS access key id", Severity: contract.SeverityHigh,
			Advice: "Deactivate the key in IAM now (aws iam update-access-key --status Inactive), look for its use in CloudTrail, " +
				"then delete it. Removing it from the branch is not enough: it stays in the history.",
			Links: []string{userGuide + "id-credentials-access-keys-update.html", userGuide + "reference_identifiers.html"},
		},
		{
			ID: MWSToken, Code: true, Description: "Amazon MWS authorisation token", Severity: contract.SeverityHigh,
			Advice: "Revoke the developer's access in Seller Central and authorise it anew.",
			Links:  []string{"https://developer-docs.amazon.com/sp-api/docs/migrating-authorization-from-amazon-marketplace-web-service"},
		},
		{
			ID: AppSyncKey, Code: true, Description: "AWS AppSync API key", Severity: contract.SeverityHigh,
			Advice: "Delete the key (aws appsync delete-api-key) and create another; it lives a year at most. Prefer IAM or Cognito " +
				"authorisation for anything that is not public.",
			Links: []string{"https://docs.aws.amazon.com/appsync/latest/devguide/security-authz.html"},
		},
		{
			ID: CognitoSecret, Code: true, Description: "Amazon Cognito app client secret", Severity: contract.SeverityHigh,
			Advice: "Add a new secret to the app client or make a new client, let the application use it, and delete the old one.",
			Links:  []string{"https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-client-apps.html"},
		},
	}
}

// awsShortTerm are the rules for what ends by itself, and for account numbers.
func awsShortTerm() []Rule {
	return []Rule{
		{
			ID: SessionToken, Code: true, Description: "AWS session token", Severity: contract.SeverityHigh,
			Advice: "Temporary credentials end by themselves after some hours; until then revoke the role's active sessions in IAM " +
				"(Revoke sessions), and find out what wrote the token into a file.",
			Links: []string{userGuide + "id_roles_use_revoke-sessions.html"},
		},
		{
			ID: CodeArtifactToken, Code: true, Description: "AWS CodeArtifact authorisation token", Severity: contract.SeverityHigh,
			Advice: "The token ends after 12 hours at most, or with the role's session: revoke that if the token is younger. Get tokens at " +
				"build time (aws codeartifact login) and never write them into a file that is committed.",
			Links: []string{"https://docs.aws.amazon.com/codeartifact/latest/ug/tokens-authentication.html"},
		},
		{
			ID: ECRToken, Code: true, Description: "Amazon ECR authorisation token", Severity: contract.SeverityHigh,
			Advice: "The token ends after 12 hours; until then it reads what its role may read. Revoke the role's sessions if it is younger, " +
				"and use the ECR credential helper so that no token is written to a file.",
			Links: []string{"https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html"},
		},
		{
			ID: PresignedURL, Code: true, Description: "Presigned URL of AWS", Severity: contract.SeverityMedium,
			Advice: "Whoever has the URL may do what it was signed for until it expires, seven days at most. Deactivate the key or revoke the " +
				"role's sessions that signed it if it is younger.",
			Links: []string{"https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html"},
		},
		{
			ID: RDSToken, Code: true, Description: "Amazon RDS IAM authentication token", Severity: contract.SeverityHigh,
			Advice: "The token opens connections for 15 minutes. Find out what wrote it into a file, and make tokens at run time.",
			Links:  []string{"https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.html"},
		},
		{
			ID: AccountID, Code: true, Description: "AWS account number", Severity: contract.SeverityLow,
			Advice: "An account number is no credential, but it helps an attacker to aim. Read it from the environment or from " +
				"configuration that is not published.",
			Links: []string{"https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-identifiers.html"},
		},
	}
}
