package events

import (
	"encoding/json"

	"github.com/scanjob-dev/scanjob/api/contract"
)

func decodeFindings(body string) (Event, error) {
	var version struct {
		Schema string `json:"schema"`
	}
	if err := json.Unmarshal([]byte(body), &version); err != nil {
		return nil, badJSON("the findings document", err)
	}
	if version.Schema != contract.Schema {
		return nil, undecodable("the document's schema is %q; this version reads %q", cut(version.Schema), contract.Schema)
	}
	var result contract.Result
	if err := json.Unmarshal([]byte(body), &result); err != nil {
		return nil, badJSON("the findings document", err)
	}
	if result.ScanJob.Namespace == "" || result.ScanJob.Name == "" || result.ScanJob.UID == "" {
		return nil, undecodable("the findings document does not name the ScanJob by namespace, name and uid")
	}
	return Findings{Result: result}, nil
}
