package detect

import (
	"strings"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/rules"
)

// code finds something where a literal stands.
type code struct {
	// literal is in lower case. It counts whatever the case of the content.
	literal string
	find    func(w *window, at int, report func(hit))
}

// codeOf returns how the rule is found that is code. Secret keys, SMTP passwords and account numbers have no literals: runs of
// characters lead to them.
func codeOf(rule string) []code {
	switch rule {
	case rules.AccessKeyID:
		return at(findKeyID, "akia", "asia", "abia", "acca")
	case rules.SessionToken:
		return at(findSessionToken, sessionTokenOpenings()...)
	case rules.GitCredential:
		return at(findGitCredential, "-at-")
	case rules.BedrockKey:
		return append(
			anchored{rule, contract.SeverityCritical, "ABSK", bedrockLongTerm}.code(),
			anchored{rule, contract.SeverityCritical, bedrockShortOpening, bedrockShortTerm}.code()...)
	case rules.MWSToken:
		return anchored{rule, contract.SeverityHigh, mwsOpening, mwsToken}.code()
	case rules.AppSyncKey:
		return anchored{rule, contract.SeverityHigh, appSyncOpening, appSyncKey}.code()
	case rules.ECRToken:
		return append(
			anchored{rule, contract.SeverityHigh, "QVdTO", ecrAuthorization}.code(),
			anchored{rule, contract.SeverityHigh, ecrPasswordOpening, ecrPassword}.code()...)
	case rules.CodeArtifactToken:
		return anchored{rule, contract.SeverityHigh, "eyJ", codeArtifactToken}.code()
	case rules.RDSToken:
		return at(findSignedURL, "x-amz-signature")
	case rules.PresignedURL:
		return append(at(findSignedURL, "x-amz-signature"), at(findLegacySignedURL, "awsaccesskeyid")...)
	}
	return nil
}

func at(find func(*window, int, func(hit)), literals ...string) (all []code) {
	for _, literal := range literals {
		all = append(all, code{strings.ToLower(literal), find})
	}
	return all
}

func (a anchored) code() []code { return at(a.find, a.anchor) }
