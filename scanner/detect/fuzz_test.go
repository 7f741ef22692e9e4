package detect_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/scanjob-dev/scanjob/scanner/detect"
	"github.com/scanjob-dev/scanjob/scanner/planted"
	"github.com/scanjob-dev/scanjob/scanner/rules"
)

// FuzzScan holds that no content makes the engine fail, that its places are in the content, and that it finds the same twice.
func FuzzScan(f *testing.F) {
	set, err := rules.Builtin()
	if err != nil {
		f.Fatal(err)
	}
	engine, err := detect.NewEngine(set, detect.Options{})
	if err != nil {
		f.Fatal(err)
	}
	detector := engine.Detector()
	pair, err := planted.NewKeyPair(planted.Account())
	if err != nil {
		f.Fatal(err)
	}
	file := "aws_access_key_id = " + pair.ID + "\naws_secret_access_key = " + pair.Secret + "\n"
	f.Add([]byte(file))
	f.Add([]byte("x: " + base64.StdEncoding.EncodeToString([]byte(file))))
	f.Add([]byte("\xff\xfek\x00e\x00y\x00"))
	f.Add([]byte(`\u0041%41&#65;\x41` + strings.Repeat("QUFB", 30)))
	f.Add([]byte("password = 'hunter2hunter2'\nAccount ID: 1234-5678-9012 arn:aws:iam::" + pair.Account + ":root"))
	f.Fuzz(func(t *testing.T, content []byte) {
		lines := 1 + bytes.Count(content, []byte("\n"))
		scan := func() string {
			matches, err := detector.ScanFile(t.Context(), bytes.NewReader(content), "a/b.txt")
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range matches {
				if m.Line < 0 || m.Line > lines && !bytes.HasPrefix(content, []byte("\xff\xfe")) && !bytes.HasPrefix(content, []byte("\xfe\xff")) {
					t.Errorf("%s is on line %d of %d", m.Rule, m.Line, lines)
				}
			}
			return fmt.Sprint(matches)
		}
		if first, second := scan(), scan(); first != second {
			t.Errorf("got %s, then %s", first, second)
		}
	})
}
