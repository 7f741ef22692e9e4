package detect_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/scanjob-dev/scanjob/scanner/detect"
	"github.com/scanjob-dev/scanjob/scanner/planted"
)

// Shapes of account numbers in the files of people, and of numbers that are none.
func TestAccountNumbersInTablesAndMaps(t *testing.T) {
	for _, row := range []struct {
		name, content string
		want          int
	}{
		{"a column of values parted by commas", "Env,AWS Account ID,Owner\nprod,ONE,x\ndev,TWO,y\n", 2},
		{"a column of values parted by tabs", "name\tawsAccountId\tnote\nprod\tONE\tx\n", 1},
		{"a column of a table in Markdown", "| Env | AWS account |\n|-----|:----|\n| prod | ONE |\n| dev | `TWO` |\n", 2},
		{"another column", "env,order id,aws account\nprod,ONE,x\n", 0},
		{"a column of orders in Markdown", "| item | order |\n|---|---|\n| amazon gift | ONE |\n", 0},
		{"a row above of another table", "account id,env\n\nname,number\nTWO,ONE\n", 0},
		{"a map of accounts", "locals {\n  account_ids = {\n    prod = \"ONE\"\n    dev  = \"TWO\"\n  }\n}\n", 2},
		{"a map of accounts beside a region", "accounts:\n  prod: \"ONE\"\n  dev: \"TWO\"\nregion: us-east-1\n", 2},
		{"a map of accounts of something else", "accounts:\n  max: \"ONE\"\n  eva: \"TWO\"\nbank: example\n", 0},
		{"a map of something else", "orders:\n  first: \"ONE\"\n  second: \"TWO\"\nregion: us-east-1\n", 0},
		{"an account and a region", `env: { account: "ONE", region: "us-east-1" }`, 1},
		{"a principal", `{"Effect":"Allow","Principal":{"AWS":"ONE"}}`, 1},
		{"a principal in YAML", "Principal:\n  AWS: ONE\n", 1},
		{"a name that ends so", "NO_AWS: ONE\nserial_laws: TWO\n", 0},
		{"what Organizations lists", "\"Id\": \"ONE\",\n\"Arn\": \"arn:aws:organizations::TWO:account/o-a1b2c3d4e5/ONE\"\n", 2},
	} {
		t.Run(row.name, func(t *testing.T) {
			content := strings.NewReplacer("ONE", planted.Account(), "TWO", planted.Account()).Replace(row.content)
			matches := slices.DeleteFunc(scan(t, content), func(m detect.Match) bool { return m.Rule != detect.RuleAccount })
			if len(matches) != row.want {
				t.Errorf("%d found, want %d in\n%s", len(matches), row.want, content)
			}
		})
	}
}
