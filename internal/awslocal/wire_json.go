package awslocal

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
)

// jsonProtocol is AWS JSON 1.0 and 1.1; the answer has the content type of the request.
type jsonProtocol struct{ contentType string }

func jsonService(targetPrefix string) string {
	switch targetPrefix {
	case "AmazonEC2ContainerServiceV20141113":
		return serviceECS
	case "AmazonSQS":
		return serviceSQS
	case "AWSEvents":
		return serviceEvents
	case "CodeCommit_20150413":
		return serviceCodeCommit
	case "Logs_20140328":
		return serviceLogs
	}
	return targetPrefix
}

func (p jsonProtocol) success(c *call, result any) (answer, error) {
	body, err := json.Marshal(result)
	if err != nil {
		return answer{}, fmt.Errorf("encode the answer of %s: %w", c.operation, err)
	}
	return answer{status: http.StatusOK, header: p.header(), body: body}, nil
}

func (p jsonProtocol) failure(_ *call, e *Error) answer {
	members := map[string]any{"__type": e.Code, "message": e.Message}
	maps.Copy(members, e.Fields)
	body, err := json.Marshal(members)
	if err != nil {
		body = []byte(`{"__type":"InternalFailure","message":"the error could not be encoded"}`)
	}
	header := p.header()
	header.Set("X-Amzn-Errortype", e.Code)
	if e.QueryCode != "" {
		header.Set("X-Amzn-Query-Error", e.QueryCode+";Sender")
	}
	return answer{status: e.Status, header: header, body: body}
}

func (p jsonProtocol) header() http.Header {
	return http.Header{"Content-Type": []string{p.contentType}}
}
