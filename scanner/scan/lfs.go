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
	var object, size []byte
	first := true
	for line := range bytes.Lines(bytes.TrimSpace(head)) {
		key, value, _ := bytes.Cut(bytes.TrimSpace(line), []byte(" "))
		switch {
		case first && (string(key) != "version" || !isPointerVersion(string(value))):
			return match, false
		case string(key) == "oid":
			object = value
		case string(key) == "size":
			size = value
		}
		first = false
	}
	bytesBehind, err := strconv.ParseUint(string(size), 10, 63)
	if err != nil || len(object) == 0 {
		return match, false
	}
	match = detect.NotScanned("its content of " + strconv.FormatUint(bytesBehind, 10) + " bytes is in Git LFS and was not fetched")
	match.Key += string(object)
	return match, true
}

// isPointerVersion tells whether the URL is one that pointers have had over the years
// (https://github.com/git-lfs/git-lfs/blob/main/lfs/pointer.go).
func isPointerVersion(url string) bool {
	switch url {
	case "https://git-lfs.github.com/spec/v1", "https://hawser.github.com/spec/v1", "http://git-media.io/v/2", "https://git-media.io/v/2":
		return true
	}
	return false
}
