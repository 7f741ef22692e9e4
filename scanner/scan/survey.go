package scan

import (
	"context"
	"maps"
	"runtime"

	"github.com/scanjob-dev/scanjob/scanner/detect"
	"github.com/scanjob-dev/scanjob/scanner/source"
)

// surveyor looks into contents for those in which there is anything. What exactly, and since which commit, is only asked of
// those, in the order of the commits and with the paths: so the result does not depend on who read what when, and a content
// that stands at two paths is not left out because one of them is allowed.
type surveyor struct {
	ctx      context.Context //nolint:containedctx // Lives for one survey.
	reader   *reader
	anywhere *detect.Place
	suspects map[source.ID]bool // true where it was read
	budget   *budget
	progress *progress
	most     limits
	files    int
	bytes    int64
}

// survey reads all contents in parallel, in the order in which they are stored.
func (s *scanner) survey() error {
	surveyors := make([]*surveyor, runtime.GOMAXPROCS(0))
	visits := make([]source.Visit, len(surveyors))
	for i := range surveyors {
		surveyors[i] = &surveyor{
			ctx: s.ctx, budget: s.budget, progress: s.progress, most: s.most, suspects: map[source.ID]bool{}, anywhere: s.detector.Engine().Anywhere(),
			reader: &reader{detector: s.detector.Engine().Detector(), limits: s.reader.limits},
		}
		visits[i] = surveyors[i].visit
	}
	if err := s.repository.Survey(s.ctx, visits); err != nil {
		return err
	}
	for _, one := range surveyors {
		s.result.Files += one.files
		s.result.Bytes += one.bytes
		maps.Copy(s.suspects, one.suspects)
	}
	return nil
}

func (s *surveyor) visit(id source.ID, content []byte, left bool) error {
	if left || int64(len(content)) > s.most.blob || !s.budget.take(int64(len(content))) {
		s.suspects[id] = false
		return nil
	}
	found, err := s.reader.readBytes(s.ctx, content, s.anywhere)
	if err != nil {
		return err
	}
	s.files++
	s.bytes += int64(len(content))
	s.progress.add(int64(len(content)))
	if len(found) > 0 {
		s.suspects[id] = true
	}
	return nil
}
