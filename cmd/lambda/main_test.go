package main

import (
	"os"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"github.com/scanjob-dev/scanjob/internal/testplane"
)

var plane *testplane.Plane

func TestMain(m *testing.M) {
	log.SetLogger(zap.New(zap.WriteTo(os.Stderr)))
	os.Exit(testplane.Main(m, func(started *testplane.Plane) error {
		plane = started
		return nil
	}))
}
