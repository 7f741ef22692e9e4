package detect

import (
	"bytes"
	"strings"
)

// accountTableReach is how far above an account number the head of its table is looked for, in bytes.
const accountTableReach = 4 << 10

// inAccountColumn tells whether the digits stand in a table, of Markdown or of values parted by commas, semicolons or tabs, in a
// column whose head names accounts.
func inAccountColumn(data []byte, start int) bool {
	const longestLine = 1 << 10
	before := lineBefore(data, start, longestLine)
	rest := restOfLine(data, start, longestLine)
	for _, sign := range []string{"|", "\t", ",", ";"} {
		column := bytes.Count(before, []byte(sign))
		columns := column + bytes.Count(rest, []byte(sign))
		if columns == 0 {
			continue
		}
		head := ""
		above := data[max(0, start-len(before)-accountTableReach) : start-len(before)]
		for len(above) > 0 {
			above = bytes.TrimSuffix(above, []byte("\n"))
			from := bytes.LastIndexByte(above, '\n') + 1
			if bytes.Count(above[from:], []byte(sign)) != columns {
				break
			}
			head, above = string(above[from:]), above[:from]
		}
		cells := strings.Split(head, sign)
		if column >= len(cells) {
			continue
		}
		cell := strings.Trim(cells[column], " \t\r\"'*`")
		// A head is of words.
		if strings.ContainsAny(cell, "0123456789") {
			continue
		}
		return namedAsAccount([]byte(cell + "="))
	}
	return false
}

// inAccountMap tells whether the digits are a value of a map that names accounts, under a name of its own: accounts = {prod = "…"}.
func inAccountMap(data []byte, start, end int) bool {
	line := lineBefore(data, start, accountContext)
	if !isMapElement(line) {
		return false
	}
	above := data[max(0, start-len(line)-accountListReach) : start-len(line)]
	for len(above) > 0 {
		above = bytes.TrimSuffix(above, []byte("\n"))
		from := bytes.LastIndexByte(above, '\n') + 1
		text := above[from:]
		value := bytes.TrimRight(text, "0123456789-\"', \t\r")
		if len(text)-len(value) < accountLength || !isMapElement(value) {
			opening := strings.TrimRight(string(text), " \t\r({:=\"'>")
			if len(opening) == len(text) {
				return false
			}
			return namedAsAccount([]byte(opening+"=")) ||
				strings.HasSuffix(strings.ToLower(opening), "accounts") && mentionsCloud(data, start, end)
		}
		above = above[:from]
	}
	return false
}

// isMapElement tells whether the text is a key and what parts it from its value, up to that.
func isMapElement(text []byte) bool {
	key := bytes.TrimRight(text, " \t\"'=:>")
	if len(key) == len(text) || !bytes.ContainsAny(text[len(key):], "=:") {
		return false
	}
	key = bytes.Trim(key, " \t\"'")
	for _, c := range key {
		if !isWord(c) && c != '-' && c != '.' {
			return false
		}
	}
	return len(key) > 0
}

// mentionsCloud tells whether something of AWS, or one of its regions, stands near data[start:end].
func mentionsCloud(data []byte, start, end int) bool {
	return mentions(data, start, end, accountMention, "aws", "amazon", "boto3", "arn:", "cdk", "iam:", "iam.",
		"us-east-", "us-west-", "eu-west-", "eu-central-", "eu-north-", "eu-south-", "ap-south-", "ap-southeast-", "ap-northeast-", "ca-central-", "sa-east-")
}
