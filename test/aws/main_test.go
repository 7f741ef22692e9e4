// Package aws tests config/aws: that ACK's API takes every object of every variant, that the values of the one file reach
// them all, that the JSON inside of them says what it should, and, with a stand-in for ACK's controllers and the local AWS,
// that the whole of it scans a pull request.
package aws

import (
	"fmt"
	"os"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"github.com/scanjob-dev/scanjob/internal/testplane"
)

var plane *testplane.Plane

func TestMain(m *testing.M) {
	log.SetLogger(zap.New(zap.WriteTo(os.Stderr)))
	os.Exit(testplane.Main(m, func(started *testplane.Plane) error {
		plane = started
		kinds, err := ackKinds()
		if err != nil {
			return err
		}
		return plane.InstallACK(kinds...)
	}))
}

// ackKinds are the kinds of ACK in all variants.
func ackKinds() ([]schema.GroupVersionKind, error) {
	seen := map[schema.GroupVersionKind]bool{}
	var kinds []schema.GroupVersionKind
	for _, v := range variants() {
		objects, err := v.build()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", v.name(), err)
		}
		for _, object := range objects {
			if kind := object.GroupVersionKind(); isACK(object) && !seen[kind] {
				seen[kind] = true
				kinds = append(kinds, kind)
			}
		}
	}
	return kinds, nil
}
