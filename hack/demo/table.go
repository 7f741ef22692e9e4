package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// asTable asks the API server for rows instead of objects, as kubectl get does.
const asTable = "application/json;as=Table;v=v1;g=meta.k8s.io"

// table is the server's answer to kubectl get.
type table struct {
	columns []metav1.TableColumnDefinition
	widths  []int
}

// seen is a ScanJob at one moment, with its row as kubectl get -w prints it.
type seen struct {
	job   *scanv1.ScanJob
	cells []string
	at    time.Time
}

// jobWatch is kubectl get scanjobs -w.
type jobWatch struct {
	table table
	rows  chan seen
	err   error // set before rows is closed
	close func()
}

// watchJobs starts to watch the ScanJobs of a namespace, with those that are there already. It ends with the context.
func watchJobs(ctx context.Context, api rest.Interface, namespace string) (*jobWatch, error) {
	ctx, cancel := context.WithCancel(ctx)
	stream, err := api.Get().
		AbsPath("/apis", scanv1.GroupVersion.Group, scanv1.GroupVersion.Version, "namespaces", namespace, "scanjobs").
		Param("watch", "true").Param("includeObject", string(metav1.IncludeObject)).
		SetHeader("Accept", asTable).Stream(ctx)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("watch the ScanJobs: %w", err)
	}
	w := &jobWatch{rows: make(chan seen)}
	done := make(chan struct{})
	w.close = func() {
		cancel()
		<-done
	}
	go func() {
		defer close(done)
		defer close(w.rows)
		err := w.read(ctx, stream)
		if closing := stream.Close(); ctx.Err() == nil {
			w.err = errors.Join(err, closing)
		}
	}()
	return w, nil
}

func (w *jobWatch) read(ctx context.Context, stream io.Reader) error {
	decoder := json.NewDecoder(stream)
	for {
		var event metav1.WatchEvent
		if err := decoder.Decode(&event); err != nil {
			return fmt.Errorf("the API server ended the watch: %w", err)
		}
		if event.Type == string(watch.Error) {
			return fmt.Errorf("the API server ended the watch: %s", event.Object.Raw)
		}
		var part metav1.Table
		if err := json.Unmarshal(event.Object.Raw, &part); err != nil {
			return fmt.Errorf("read a row: %w", err)
		}
		if w.table.columns == nil {
			w.table.columns = part.ColumnDefinitions
		}
		for _, row := range part.Rows {
			job := &scanv1.ScanJob{}
			if err := json.Unmarshal(row.Object.Raw, job); err != nil {
				return fmt.Errorf("read a row's ScanJob: %w", err)
			}
			select {
			case w.rows <- seen{job: job, cells: w.table.cells(row), at: time.Now()}:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}

// cells are the texts of a row in the columns that are shown without -o wide.
func (t *table) cells(row metav1.TableRow) []string {
	var cells []string
	for i, column := range t.columns {
		if column.Priority > 0 || i >= len(row.Cells) {
			continue
		}
		text := ""
		if row.Cells[i] != nil {
			text = fmt.Sprint(row.Cells[i])
		}
		cells = append(cells, text)
	}
	return cells
}

// names are the titles of the columns that are shown.
func (t *table) names() []string {
	var names []string
	for _, column := range t.columns {
		if column.Priority == 0 {
			names = append(names, strings.ToUpper(column.Name))
		}
	}
	return names
}

// age is the column that changes by itself.
const age = "AGE"

// key is what of a row is worth a new line.
func (t *table) key(cells []string) string {
	var kept []string
	for i, name := range t.names() {
		if name != age && i < len(cells) {
			kept = append(kept, cells[i])
		}
	}
	return strings.Join(kept, "\x00")
}

// expected are the longest values of columns that grow while one looks at them.
func expected() map[string]string {
	return map[string]string{"PHASE": string(scanv1.PhaseSucceeded), "RESULT": string(scanv1.ResultFindings)}
}

// format lays a row out. Columns keep the widths of the first row, as kubectl's do.
func (t *table) format(cells []string) string {
	if t.widths == nil {
		for i, name := range t.names() {
			width := max(len(name), len(expected()[name]))
			if i < len(cells) {
				width = max(width, len(cells[i]))
			}
			t.widths = append(t.widths, width)
		}
	}
	var out strings.Builder
	for i, cell := range cells {
		fmt.Fprintf(&out, "%-*s", t.widths[i], cell)
		if i < len(cells)-1 {
			out.WriteString("   ")
		}
	}
	return strings.TrimRight(out.String(), " ")
}
