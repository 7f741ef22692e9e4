package awsclient_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/scanjob-dev/scanjob/internal/awsclient"
)

// doer is an HTTP client.
type doer func(*http.Request) (*http.Response, error)

func (d doer) Do(request *http.Request) (*http.Response, error) { return d(request) }

func TestARequestIsSentWholeThoughItsBodyIsClosedMeanwhile(t *testing.T) {
	text := strings.Repeat("0123456789", 1000)
	reader, writer := io.Pipe()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1", reader)
	if err != nil {
		t.Fatal(err)
	}
	request.ContentLength = int64(len(text))
	go func() {
		_, _ = io.WriteString(writer, text)
		_ = writer.Close()
	}()
	client := awsclient.OwnBodies{doer(func(sent *http.Request) (*http.Response, error) {
		// As the SDK does when an answer begins.
		if err := request.Body.Close(); err != nil {
			t.Error(err)
		}
		got, err := io.ReadAll(sent.Body)
		if err != nil || string(got) != text || sent.ContentLength != int64(len(text)) {
			t.Errorf("%d bytes were sent, want %d: %v", len(got), len(text), err)
		}
		return &http.Response{Body: http.NoBody}, nil
	})}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Error(err)
	}
}
