package main

import (
	"context"
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/detect"
	"github.com/scanjob-dev/scanjob/scanner/verify"
)

func stateOf(finding contract.Finding) contract.VerificationState {
	if finding.Verification == nil {
		return ""
	}
	return finding.Verification.State
}

// verified returns the findings with what AWS said to their key pairs, which the engine has to have kept.
func verified(ctx context.Context, engine *detect.Engine, findings []contract.Finding, log *slog.Logger) ([]contract.Finding, error) {
	verifier := verify.Verifier{
		Pairs: engine.KeyPairs, Account: engine.Account, Limits: verify.DefaultLimits(),
		Settings: func(ctx context.Context) (aws.Config, error) {
			// The region and the endpoint are those of the environment; a profile's credentials are not even looked for.
			return config.LoadDefaultConfig(ctx, config.WithCredentialsProvider(aws.AnonymousCredentials{}))
		},
	}
	told, err := verifier.Findings(ctx, findings)
	if err != nil {
		return nil, err
	}
	states := map[contract.VerificationState]int{}
	for _, finding := range told {
		if finding.Verification != nil {
			states[finding.Verification.State]++
		}
	}
	log.InfoContext(ctx, "key pairs were tried", "verified", states[contract.VerificationVerified], "invalid", states[contract.VerificationInvalid],
		"unknown", states[contract.VerificationUnknown])
	return told, nil
}
