// Package detect finds leaked credentials in a stream of bytes: AWS's by code, those of others by the expressions of rules.
// It reads in windows with bounded memory, and what it returns is redacted: no match holds the secret that it stands for.
package detect

import (
	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/rules"
)

// Rule describes one kind of finding as data.
type Rule = rules.Rule

// The rules for AWS that other packages name.
const (
	RuleAccessKeyID       = rules.AccessKeyID
	RuleSecretAccessKey   = rules.SecretAccessKey
	RuleSessionToken      = rules.SessionToken
	RuleGitCredential     = rules.GitCredential
	RuleAccount           = rules.AccountID
	RuleBedrockKey        = rules.BedrockKey
	RuleMWSToken          = rules.MWSToken
	RuleAppSyncKey        = rules.AppSyncKey
	RuleSMTPPassword      = rules.SMTPPassword
	RuleCognitoSecret     = rules.CognitoSecret
	RulePresignedURL      = rules.PresignedURL
	RuleRDSToken          = rules.RDSToken
	RuleECRToken          = rules.ECRToken
	RuleCodeArtifactToken = rules.CodeArtifactToken
)

// Rules returns the rules for AWS, worst first, and the one for what is not scanned.
func Rules() []Rule { return append(rules.AWS().Rules, notScannedRule()) }

// RuleOf returns the rule with the identifier, or a rule of that identifier without texts.
func RuleOf(id string) Rule {
	for _, rule := range Rules() {
		if rule.ID == id {
			return rule
		}
	}
	return Rule{ID: id, Description: id, Severity: contract.SeverityMedium}
}

func notScannedRule() Rule {
	return Rule{
		ID:          contract.RuleNotScanned,
		Description: "Part of the source was not scanned",
		Severity:    contract.SeverityMedium,
		Advice:      "Check this file by hand, or keep it out of Git.",
	}
}
