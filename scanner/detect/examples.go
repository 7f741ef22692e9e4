package detect

import "strings"

// isExampleKeyID tells whether the id is one that AWS's documentation uses, which opens nothing.
func isExampleKeyID(id string) bool {
	return strings.HasSuffix(id, "EXAMPLE")
}

// isExampleSecret tells whether the secret, token or password is from AWS's documentation.
func isExampleSecret(value string) bool {
	return strings.Contains(value, "EXAMPLE")
}

// isExampleAccount tells whether the 12 digits are one of the accounts of AWS's documentation, one digit repeated, or a
// well-known public owner of images whose number every user of AWS writes down.
func isExampleAccount(account string) bool {
	switch account {
	case "123456789012", "012345678901", "012345678910", "111122223333", "444455556666", "777788889999",
		"099720109477", "137112412989", "602401143452", "763104351884", "127311923021":
		return true
	}
	return strings.Count(account, account[:1]) == len(account)
}
