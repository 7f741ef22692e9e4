package detect_test

import (
	"strings"
	"testing"
)

func TestValuesThatSOPSEncryptedAreNoSecrets(t *testing.T) {
	for _, row := range []struct {
		name, content string
		want          int
	}{
		{"encrypted", "aws_secret_access_key: ENC[AES256_GCM,data:SECRET,iv:SECRETAAA=,tag:x,type:str]\n", 0},
		{"encrypted by a first version", "aws_secret_access_key: ENC[AES256_GCM,data:Zm9v,iv:YQ==,aad:SECRET,tag:x,type:str]\n", 0},
		{"encrypted twice on a line", `{"aws_secret":"ENC[AES256_GCM,data:SECRET,iv:YQ==,tag:x,type:str]","aws_secret_2":"ENC[AES256_GCM,data:SECRET,iv:YQ==,tag:x,type:str]"}`, 0},
		{"encrypted at the end of the content", "aws_secret_access_key=ENC[AES256_GCM,data:SECRET,iv:YQ==,tag:x,type:str]", 0},
		{"plain, with a word of it behind", "aws_secret_access_key: SECRET # was ENC\n", 1},
		{"plain beside an encrypted one", `{"user":"ENC[AES256_GCM,data:p673w==,iv:YY=,aad:UQ=,tag:A=,type:str]","aws_access_key_id":"ID","aws_secret_access_key":"SECRET"}`, 2},
		{"plain behind the opening in a comment", "/* ENC[AES256_GCM, */ aws_access_key_id=ID aws_secret_access_key=SECRET\n", 2},
		{"plain behind the opening and a name", "aws_secret_access_key: ENC[AES256_GCM,data:SECRET\n", 1},
		{"plain behind all names but the last part", "aws_secret_access_key: ENC[AES256_GCM,data:SECRET,iv:YQ==,tag:x]\n", 1},
		{"plain in what is not closed", "aws_secret_access_key: ENC[AES256_GCM,data:SECRET,iv:YQ==,tag:x,type:str\n", 1},
		{"plain in what the content ends in", "aws_secret_access_key: ENC[AES256_GCM,data:SECRET,iv:YQ==", 1},
		{"plain right behind an encrypted one", "aws_secret_access_key: ENC[AES256_GCM,data:Zm9v,iv:YQ==,tag:x,type:str]data:SECRET\n", 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			pair := newPair(t)
			content := strings.NewReplacer("SECRET", pair.Secret, "ID", pair.ID).Replace(row.content)
			if got := scan(t, content); len(got) != row.want {
				t.Errorf("found %v, want %d", short(got), row.want)
			}
		})
	}
}
