package corpus

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// The families of AWS.
const (
	KeyID        = "aws-key-id"
	SecretKey    = "aws-secret-key"
	SessionToken = "aws-session-token"
	Bedrock      = "aws-bedrock-key"
	MWS          = "aws-mws-token"
	AppSync      = "aws-appsync-key"
	GitPassword  = "aws-codecommit-git-password"
	SMTP         = "aws-ses-smtp-password"
	Presigned    = "aws-presigned-url"
	CodeArtifact = "aws-codeartifact-token"
	ECR          = "aws-ecr-token"
	RDS          = "aws-rds-token"
	Cognito      = "aws-cognito-client-secret"
	Account      = "aws-account"
)

// AWS returns the families of AWS.
func AWS() []Family {
	return append(awsFiles(), []Family{
		{Name: KeyID, Draw: func(r *rand.Rand) ([]Field, error) {
			prefix := draw(r, []string{"AKIA", "AKIA", "ASIA", "ABIA", "ACCA"})
			return []Field{{Name: draw(r, []string{"aws access key id", "access key", "key", "s3 user", "id"}), Value: keyID(r, prefix, account(r)), Family: KeyID}}, nil
		}},
		{Name: SecretKey + " and id", Draw: func(r *rand.Rand) ([]Field, error) { return pair(r, "AKIA"), nil }},
		{Name: SecretKey + " by name", Draw: func(r *rand.Rand) ([]Field, error) {
			return []Field{{Name: draw(r, []string{"aws secret access key", "aws secret key", "s3 secret access key", "secret access key", "fs s3a secret key"}), Value: secretKey(r), Family: SecretKey}}, nil
		}},
		{Name: SecretKey + " and id without names", Draw: func(r *rand.Rand) ([]Field, error) {
			fields := pair(r, "AKIA")
			fields[0].Name, fields[1].Name = draw(r, []string{"left", "first", "user", "a"}), draw(r, []string{"right", "second", "value", "b"})
			return fields, nil
		}},
		{Name: SessionToken, Draw: func(r *rand.Rand) ([]Field, error) {
			fields := pair(r, "ASIA")
			opening := draw(r, []string{"IQoJb3JpZ2luX2Vj", "FwoGZXIvYXdz", "FQoGZXIvYXdz"})
			return append(fields, Field{Name: "aws session token", Value: opening + base64Text(r, 300+r.IntN(500)), Family: SessionToken}), nil
		}},
		{Name: Bedrock, Draw: func(r *rand.Rand) ([]Field, error) {
			value := "ABSK" + base64.StdEncoding.EncodeToString([]byte("BedrockAPIKey-"+text(r, lower+digits, 4)+"-at-"+account(r)+":"+text(r, alphanumeric, 48)))
			if r.IntN(2) == 0 {
				value = "bedrock-api-key-" + base64.StdEncoding.EncodeToString([]byte("bedrock.amazonaws.com/?Action=CallWithBearerToken&X-Amz-Credential="+keyID(r, "ASIA", account(r))+"%2F20260115&X-Amz-Signature="+text(r, hexadecimal, 64)))
			}
			return []Field{{Name: "aws bearer token bedrock", Value: value, Family: Bedrock}}, nil
		}},
		{Name: MWS, Draw: func(r *rand.Rand) ([]Field, error) {
			return []Field{{Name: "mws auth token", Value: "amzn.mws." + uuid(r), Family: MWS}}, nil
		}},
		{Name: AppSync, Draw: func(r *rand.Rand) ([]Field, error) {
			return []Field{{Name: draw(r, []string{"appsync api key", "graphql api key"}), Value: "da2-" + text(r, lower+digits, 26), Family: AppSync}}, nil
		}},
		{Name: GitPassword, Draw: func(r *rand.Rand) ([]Field, error) {
			return []Field{
				{Name: "git user", Value: draw(r, []string{"deploy", "ci-bot", "anna.keller"}) + "-at-" + account(r), Family: Account, Optional: true},
				{Name: "git password", Value: base64.StdEncoding.EncodeToString(bytesOf(r, 32)), Family: GitPassword},
			}, nil
		}},
		{Name: SMTP, Draw: func(r *rand.Rand) ([]Field, error) {
			raw := append([]byte{draw(r, []byte{4, 4, 2})}, bytesOf(r, 32)...)
			return []Field{
				{Name: "smtp host", Value: "email-smtp.eu-central-1.amazonaws.com"},
				{Name: "smtp user", Value: keyID(r, "AKIA", account(r)), Family: KeyID},
				{Name: "smtp password", Value: base64.StdEncoding.EncodeToString(raw), Family: SMTP},
			}, nil
		}},
		{Name: Presigned, Draw: func(r *rand.Rand) ([]Field, error) {
			url := "https://" + text(r, lower, 8) + ".s3.amazonaws.com/report.csv?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" + keyID(r, "ASIA", account(r)) +
				"%2F20260115%2Feu-central-1%2Fs3%2Faws4_request&X-Amz-Date=20260115T120000Z&X-Amz-Expires=3600&X-Amz-Security-Token=IQoJ" + "b3JpZ2luX2Vj" +
				strings.NewReplacer("+", "%2B", "/", "%2F", "=", "%3D").Replace(base64Text(r, 300)) + "&X-Amz-SignedHeaders=host&X-Amz-Signature=" + text(r, hexadecimal, 64)
			return []Field{{Name: "download url", Value: url, Family: Presigned}}, nil
		}},
		{Name: CodeArtifact, Draw: func(r *rand.Rand) ([]Field, error) {
			header := base64.RawURLEncoding.EncodeToString([]byte(`{"ver":1,"isu":` + strconv.Itoa(r.IntN(1e9)) + `,"enc":"A128GCM","tag":"` + text(r, alphanumeric, 22) + `","exp":1768478400,"alg":"A128GCMKW","iv":"` + text(r, alphanumeric, 16) + `"}`))
			value := header + "." + url64(r, 22) + "." + url64(r, 16) + "." + url64(r, 400) + "." + url64(r, 22)
			return []Field{{Name: "codeartifact auth token", Value: value, Family: CodeArtifact}}, nil
		}},
		{Name: ECR, Draw: func(r *rand.Rand) ([]Field, error) {
			payload := base64.StdEncoding.EncodeToString([]byte(`{"payload":"` + base64Text(r, 400) + `","datakey":"` + base64Text(r, 180) + `","version":"2","type":"DATA_KEY","expiration":1768478400}`))
			return []Field{{Name: "auth", Value: base64.StdEncoding.EncodeToString([]byte("AWS:" + payload)), Family: ECR}}, nil
		}},
		{Name: RDS, Draw: func(r *rand.Rand) ([]Field, error) {
			value := "orders." + text(r, lower+digits, 12) + ".eu-central-1.rds.amazonaws.com:5432/?Action=connect&DBUser=app&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" +
				keyID(r, "ASIA", account(r)) + "%2F20260115%2Feu-central-1%2Frds-db%2Faws4_request&X-Amz-Date=20260115T120000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host&X-Amz-Signature=" + text(r, hexadecimal, 64)
			return []Field{{Name: "db password", Value: value, Family: RDS}}, nil
		}},
		{Name: Cognito, Draw: func(r *rand.Rand) ([]Field, error) {
			return []Field{
				{Name: "cognito user pool id", Value: "eu-central-1_" + text(r, alphanumeric, 9), Family: Cognito, Optional: true},
				{Name: "cognito client id", Value: text(r, lower+digits, 26), Family: Cognito, Optional: true},
				{Name: "cognito client secret", Value: text(r, lower+digits, 52), Family: Cognito},
			}, nil
		}},
		{Name: Account, Draw: drawAccount},
	}...)
}

// drawAccount returns an account number in one of the contexts that make 12 digits one.
func drawAccount(r *rand.Rand) ([]Field, error) {
	number := account(r)
	dashed := number[:4] + "-" + number[4:8] + "-" + number[8:]
	field := draw(r, []Field{
		{Name: "role", Value: number, Verbatim: "arn:" + draw(r, []string{"aws", "aws-cn", "aws-us-gov"}) + ":iam::" + number + ":role/deploy"},
		{Name: "image", Value: number, Verbatim: number + ".dkr.ecr.eu-central-1.amazonaws.com/app:1.4"},
		{Name: "queue", Value: number, Verbatim: "https://sqs.eu-central-1.amazonaws.com/" + number + "/orders"},
		{Name: "console", Value: number, Verbatim: "https://" + number + ".signin.aws.amazon.com/console"},
		{Name: "bucket", Value: number, Verbatim: "cdk-hnb659fds-assets-" + number + "-eu-central-1"},
		{Name: "aws account id", Value: number},
		{Name: "account id", Value: number},
		{Name: "owner id", Value: number},
		{Name: "aws account", Value: dashed},
	})
	field.Family = Account
	return []Field{field}, nil
}

func pair(r *rand.Rand, prefix string) []Field {
	return []Field{
		{Name: "aws access key id", Value: keyID(r, prefix, account(r)), Family: KeyID},
		{Name: "aws secret access key", Value: secretKey(r), Family: SecretKey},
	}
}

// keyID returns an id that decodes to the account: see the decoding in scanner/detect.
func keyID(r *rand.Rand, prefix, account string) string {
	number, err := strconv.ParseUint(account, 10, 64)
	if err != nil {
		panic(fmt.Sprintf("account %q", account)) // made here
	}
	raw := bytesOf(r, 10)
	var head [8]byte
	binary.BigEndian.PutUint64(head[:], 1<<47|number<<7|uint64(raw[5]&0x7f))
	copy(raw[:6], head[2:])
	return prefix + base32.StdEncoding.EncodeToString(raw)
}

func account(r *rand.Rand) string { return strconv.Itoa(200_000_000_000 + r.IntN(700_000_000_000)) }

func secretKey(r *rand.Rand) string { return base64.StdEncoding.EncodeToString(bytesOf(r, 30)) }

const (
	lower        = "abcdefghijklmnopqrstuvwxyz"
	upper        = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits       = "0123456789"
	alphanumeric = upper + lower + digits
	hexadecimal  = digits + "abcdef"
)

func text(r *rand.Rand, of string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = of[r.IntN(len(of))]
	}
	return string(b)
}

func bytesOf(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func base64Text(r *rand.Rand, n int) string { return base64.StdEncoding.EncodeToString(bytesOf(r, n)) }

func encoded(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func url64(r *rand.Rand, n int) string { return text(r, alphanumeric+"-_", n) }

func uuid(r *rand.Rand) string {
	return text(r, hexadecimal, 8) + "-" + text(r, hexadecimal, 4) + "-4" + text(r, hexadecimal, 3) + "-" + text(r, "89ab", 1) + text(r, hexadecimal, 3) + "-" + text(r, hexadecimal, 12)
}
