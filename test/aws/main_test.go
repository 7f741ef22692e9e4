// Package aws tests config/aws: that ACK's API takes every object of every variant, that the values of the one file reach
// them all, that the JSON inside of them says what it should, and, with a stand-in for ACK's controllers and the local AWS,
// that the whole of it scans a pull request.
package aws

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"github.com/scanjob-dev/scanjob/internal/testplane"
)

var (
	plane *testplane.Plane
	// lacking are the kinds whose definitions of ACK the tests were not given, though they were given others.
	lacking []schema.GroupVersionKind
)

func TestMain(m *testing.M) {
	log.SetLogger(zap.New(zap.WriteTo(os.Stderr)))
	os.Exit(testplane.Main(m, func(started *testplane.Plane) error {
		plane = started
		kinds, err := ackKinds()
		if err != nil {
			return err
		}
		lacking, err = plane.InstallACKOrMinimal(kinds...)
		for _, kind := range lacking {
			if kind.Group != "eks.services.k8s.aws" { // of an optional controller
				err = errors.Join(err, fmt.Errorf("%s has no definition of %s; add it, or unset the variable", testplane.EnvACKDefinitions, kind))
			}
		}
		return err
	}))
}

// ackKinds are the kinds of ACK in all variants.
func ackKinds() ([]schema.GroupVersionKind, error) {
	seen := map[schema.GroupVersionKind]bool{}
	var kinds []schema.GroupVersionKind
	for _, v := range append(variants(), iamVariants()...) {
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
