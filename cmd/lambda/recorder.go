package main

import (
	"context"
	"fmt"
	"os"
	"sync"

	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/tools/reference"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// controllerName is who the events of the function are from.
const controllerName = "scanjob.dev/function"

// recorder keeps the events of objects until they are flushed. Lambda freezes the process when a call has returned, so they
// cannot be written in the background.
type recorder struct {
	scheme *runtime.Scheme

	mu   sync.Mutex
	kept []*eventsv1.Event
}

var _ events.EventRecorder = (*recorder)(nil)

// Eventf implements events.EventRecorder.
func (r *recorder) Eventf(regarding, _ runtime.Object, eventType, reason, action, note string, arguments ...any) {
	about, err := reference.GetReference(r.scheme, regarding)
	if err != nil {
		log.Log.Error(err, "Cannot tell of an object", "reason", reason)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.kept = append(r.kept, &eventsv1.Event{
		ObjectMeta:          metav1.ObjectMeta{Namespace: about.Namespace, GenerateName: about.Name + "-"},
		EventTime:           metav1.NowMicro(),
		ReportingController: controllerName,
		ReportingInstance:   instance(),
		Regarding:           *about,
		Type:                eventType, Reason: reason, Action: action,
		Note: fmt.Sprintf(note, arguments...),
	})
}

// instance is the function's name in AWS.
func instance() string {
	if name := os.Getenv("AWS_LAMBDA_FUNCTION_NAME"); name != "" {
		return name
	}
	return "lambda"
}

// flush writes what was kept. An event that cannot be written is in the log.
func (r *recorder) flush(ctx context.Context, to client.Client) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, event := range r.kept {
		if err := to.Create(ctx, event); err != nil {
			log.FromContext(ctx).Error(err, "Cannot write an event", "about", event.Regarding.Name, "reason", event.Reason, "note", event.Note)
		}
	}
	r.kept = nil
}
