package detect

import (
	"bytes"
	"strings"
)

const (
	// excerptBefore and excerptAfter are how much of the line around a secret an excerpt tells, in bytes.
	excerptBefore = 64
	excerptAfter  = 32
	// omitted stands for what an excerpt does not show.
	omitted = "…"
	// byteOrderMark is what programs of Windows begin a file in UTF-8 with.
	byteOrderMark = "\ufeff"
)

// excerpt is what a line says around a secret. It is made of names that are known words and of the signs between them: whatever
// else stands there may be a secret too, and is left out. So there is nothing in it that a file could bring.
type excerpt struct{ before, after string }

// excerptOf returns the excerpt of the line with data[start:end]. Of a secret over several lines it tells what stands before.
func excerptOf(data []byte, start, end int) (e excerpt) {
	line := lineBefore(data, start, excerptBefore)
	cut := len(line) == excerptBefore
	e.before = strings.TrimLeft(namesIn(bytes.TrimPrefix(line, []byte(byteOrderMark)), cut, false, true), " ")
	if bytes.IndexByte(data[start:end], '\n') < 0 {
		rest := restOfLine(data, end, excerptAfter)
		e.after = strings.TrimRight(namesIn(rest, true, len(rest) == excerptAfter, false), " ")
	}
	return e
}

// around returns the excerpt with the redacted secret in it.
func (e excerpt) around(preview string) string { return e.before + preview + e.after }

// namesIn returns the text with everything left out that is not a known name before an operator or, where the text ends at the
// secret, in front of it. A word that was cut at either end of the text is none.
func namesIn(text []byte, cutAtStart, cutAtEnd, beforeSecret bool) string {
	var out []byte
	omit := func() {
		if shown := bytes.TrimRight(out, " "); bytes.HasSuffix(shown, []byte(omitted)) {
			out = shown
		} else {
			out = append(out, omitted...)
		}
	}
	for at := 0; at < len(text); {
		if c := text[at]; isStructure(c) {
			if c == '\t' || c == '\r' {
				c = ' '
			}
			if c != ' ' || !bytes.HasSuffix(out, []byte(" ")) {
				out = append(out, c)
			}
			at++
			continue
		}
		word := at
		for at < len(text) && !isStructure(text[at]) {
			at++
		}
		whole := (word > 0 || !cutAtStart) && (at < len(text) || !cutAtEnd)
		next := bytes.TrimLeft(text[at:], " \t\"'`])\\")
		named := len(next) > 0 && strings.IndexByte("=:({[<>", next[0]) >= 0 || len(next) == 0 && beforeSecret
		if whole && named && isKnownName(text[word:at]) {
			out = append(out, text[word:at]...)
		} else {
			omit()
		}
	}
	return string(out)
}

// isStructure tells whether c stands between words, and is no part of a secret.
func isStructure(c byte) bool {
	switch c {
	case ' ', '\t', '\r', '=', ':', '"', '\'', '`', '{', '}', '[', ']', '(', ')', '<', '>', ',', ';', '|':
		return true
	}
	return false
}

// isKnownName tells whether the text consists of words by which people call a secret, parted by signs or capitals.
func isKnownName(text []byte) bool {
	letters := 0
	begin := 0
	for i := 0; i <= len(text); i++ {
		ends := i == len(text) || text[i] == '_' || text[i] == '-' || text[i] == '.'
		capital := !ends && i > begin && isUpper(text[i]) && !isUpper(text[i-1])
		if !ends && !capital {
			if !isUpper(text[i]) && (text[i] < 'a' || text[i] > 'z') {
				return false
			}
			continue
		}
		if i > begin {
			if !isSecretWord(strings.ToLower(string(text[begin:i]))) {
				return false
			}
			letters += i - begin
		}
		begin = i
		if ends {
			begin++
		}
	}
	return letters > 0
}

func isUpper(c byte) bool { return c >= 'A' && c <= 'Z' }

// isSecretWord tells whether the word, in small letters, is one that names of secrets are made of.
func isSecretWord(word string) bool {
	switch word {
	case "access", "accesskey", "accesskeyid", "account", "accountid", "api", "apikey", "app", "application", "arn", "auth", "authorization", "aws",
		"bearer", "bucket", "client", "cloud", "codecommit", "cognito", "config", "connection", "credential", "credentials", "data", "database", "db",
		"default", "deploy", "dsn", "ecr", "encryption", "env", "environment", "export", "github", "gitlab", "header", "headers", "host", "http", "https",
		"iam", "id", "key", "keyid", "keys", "login", "mail", "master", "mysql", "name", "oauth", "owner", "passphrase", "passwd", "password", "pool",
		"postgres", "private", "profile", "pwd", "redis", "region", "registry", "role", "s", "secret", "secretaccesskey", "secretkey", "secrets",
		"security", "server", "service", "session", "sessiontoken", "signing", "slack", "smtp", "store", "string", "stripe", "token", "uri", "url",
		"user", "username", "value", "webhook", "x", "amz":
		return true
	}
	return false
}
