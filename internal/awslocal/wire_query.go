package awslocal

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// queryProtocol is the AWS query protocol: a form in, XML out.
type queryProtocol struct{}

// queryForm reads the parameters of a query-protocol request: a form, or a link with the parameters in its query.
func queryForm(c *call) (url.Values, bool) {
	if c.http.Method == http.MethodGet && c.http.URL.Query().Has("Action") {
		return c.http.URL.Query(), true
	}
	if c.http.Method != http.MethodPost || !strings.HasPrefix(c.http.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return nil, false
	}
	form, err := url.ParseQuery(string(c.body))
	return form, err == nil && form.Has("Action")
}

// queryService tells the service by the API version, which each has its own of.
func queryService(version string) string {
	switch version {
	case "2010-03-31":
		return serviceSNS
	case "2011-06-15":
		return serviceSTS
	}
	return "query " + version
}

func (queryProtocol) success(c *call, result any) (answer, error) {
	var body bytes.Buffer
	body.WriteString("<" + c.operation + "Response>")
	start := xml.StartElement{Name: xml.Name{Local: c.operation + "Result"}}
	encoder := xml.NewEncoder(&body)
	if err := encoder.EncodeElement(result, start); err != nil {
		return answer{}, fmt.Errorf("encode the answer of %s: %w", c.operation, err)
	}
	body.WriteString("<ResponseMetadata><RequestId>" + randomUUID() + "</RequestId></ResponseMetadata></" + c.operation + "Response>")
	return answer{status: http.StatusOK, header: xmlHeader(), body: body.Bytes()}, nil
}

func (queryProtocol) failure(_ *call, e *Error) answer {
	kind := "Sender"
	if e.Status >= http.StatusInternalServerError {
		kind = "Receiver"
	}
	var body bytes.Buffer
	body.WriteString("<ErrorResponse><Error><Type>" + kind + "</Type>")
	writeElement(&body, "Code", e.Code)
	writeElement(&body, "Message", e.Message)
	body.WriteString("</Error><RequestId>" + randomUUID() + "</RequestId></ErrorResponse>")
	return answer{status: e.Status, header: xmlHeader(), body: body.Bytes()}
}

func writeElement(b *bytes.Buffer, name, text string) {
	b.WriteString("<" + name + ">")
	xml.Escape(b, []byte(text))
	b.WriteString("</" + name + ">")
}

func xmlHeader() http.Header { return http.Header{"Content-Type": []string{"text/xml"}} }

// formMap reads a map of the query protocol: prefix.entry.N.key and prefix.entry.N.value.
func formMap(form url.Values, prefix string) map[string]string {
	entries := map[string]string{}
	for n := 1; ; n++ {
		entry := prefix + ".entry." + strconv.Itoa(n)
		key := form.Get(entry + ".key")
		if key == "" {
			return entries
		}
		entries[key] = form.Get(entry + ".value")
	}
}

// entryXML is one entry of a map in an answer.
type entryXML struct {
	Key   string `xml:"key"`
	Value string `xml:"value"`
}
