package scan

import (
	"bytes"
	"strconv"

	"github.com/scanjob-dev/scanjob/scanner/detect"
)

// pointer returns the match that stands for the content behind a pointer of Git LFS, which is on another server and is not
// fetched (https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md#the-pointer). ok is false where the beginning of a content is
// none.
func pointer(head []byte) (match detect.Match, ok bool) {
	rest, ok := bytes.CutPrefix(head, []byte("version https://git-lfs.github.com/spec/v1\n"))
	if !ok {
		return match, false
	}
	var object, size []byte
	for line := range bytes.Lines(rest) {
		key, value, _ := bytes.Cut(bytes.TrimSpace(line), []byte(" "))
		switch string(key) {
		case "oid":
			object = value
		case "size":
			size = value
		}
	}
	bytesBehind, err := strconv.ParseUint(string(size), 10, 63)
	if err != nil || len(object) == 0 {
		return match, false
	}
	match = detect.NotScanned("its content of " + strconv.FormatUint(bytesBehind, 10) + " bytes is in Git LFS and was not fetched")
	match.Key += string(object)
	return match, true
}
