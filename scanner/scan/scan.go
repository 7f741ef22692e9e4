// Package scan joins source and detect: it reads what a mode has to look at and gathers the findings.
package scan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/archive"
	"github.com/scanjob-dev/scanjob/scanner/detect"
	"github.com/scanjob-dev/scanjob/scanner/failure"
	"github.com/scanjob-dev/scanjob/scanner/source"
)

const (
	// MaxBlobSize is the size in bytes up to which a file is scanned. A larger one, such as a disk image, would cost minutes
	// of the task; it gets a finding of the rule contract.RuleNotScanned.
	MaxBlobSize = 512 << 20
	// MaxFindings bounds the findings that are kept, and with them the memory and the report: 25,000 is what GitHub's code
	// scanning accepts in a SARIF file.
	MaxFindings = 25_000
)

// Result is what a scan found.
type Result struct {
	// Findings are redacted, worst first.
	Findings []contract.Finding
	// Resolved are what the changes removed, in mode Changes.
	Resolved []contract.Finding
	// Commits, Files and Bytes count what was read; each distinct content counts once.
	Commits, Files int
	Bytes          int64
	// Symlinks and Submodules count what was not followed.
	Symlinks, Submodules int
}

// BySeverity counts the findings by severity.
func (r Result) BySeverity() map[contract.Severity]int {
	counts := map[contract.Severity]int{}
	for _, finding := range r.Findings {
		counts[finding.Severity]++
	}
	return counts
}

// Run scans the repository as its request says. It stops with an error when ctx ends.
func Run(ctx context.Context, repository *source.Repository, detector *detect.Detector, log *slog.Logger) (Result, error) {
	return RunWithProgress(ctx, repository, detector, log, nil)
}

// RunWithProgress is Run that calls tell for each content that was scanned, by one goroutine at a time. tell may be nil.
func RunWithProgress(ctx context.Context, repository *source.Repository, detector *detect.Detector, log *slog.Logger, tell func(files int, bytes int64)) (Result, error) {
	return run(ctx, repository, detector, log, limits{blob: MaxBlobSize, findings: MaxFindings, held: MaxHeldMatches}, tell)
}

func run(ctx context.Context, repository *source.Repository, detector *detect.Detector, log *slog.Logger, most limits, tell func(files int, bytes int64)) (Result, error) {
	begin := time.Now()
	budget, err := newBudget(repository, most.total)
	if err != nil {
		return Result{}, err
	}
	s := &scanner{
		most: most, budget: budget, progress: &progress{tell: tell}, unread: map[source.ID]struct{}{},
		ctx: ctx, repository: repository, detector: detector, log: log, suspects: map[source.ID]bool{},
		reader: &reader{detector: detector, limits: archive.DefaultLimits()},
		held:   newHeld(most.held), paths: map[string]struct{}{}, seen: newSightings(most.held), reported: map[string]int{},
	}
	if err := s.survey(); err != nil {
		return Result{}, err
	}
	walked, err := repository.Changes(ctx, s.change)
	if err != nil {
		return Result{}, err
	}
	if ctx.Err() != nil {
		return Result{}, context.Cause(ctx)
	}
	s.result.Commits = walked.Commits
	if err := s.visitRepeated(); err != nil {
		return Result{}, err
	}
	if err := s.compare(); err != nil {
		return Result{}, err
	}
	s.tellUnread()
	slices.SortStableFunc(s.result.Findings, worstFirst)
	log.InfoContext(ctx, "scanned", "commits", s.result.Commits, "files", s.result.Files, "bytes", s.result.Bytes,
		"symlinksNotFollowed", s.result.Symlinks, "submodulesNotFollowed", s.result.Submodules, "findings", len(s.result.Findings),
		"duration", time.Since(begin).Round(time.Millisecond).String())
	return s.result, nil
}

func worstFirst(a, b contract.Finding) int {
	return cmp.Or(
		cmp.Compare(rank(a.Severity), rank(b.Severity)),
		cmp.Compare(a.Path, b.Path),
		cmp.Compare(a.Line, b.Line),
		cmp.Compare(a.Rule, b.Rule),
	)
}

type scanner struct {
	ctx        context.Context //nolint:containedctx // Lives for one call of Run.
	repository *source.Repository
	detector   *detect.Detector
	reader     *reader
	log        *slog.Logger
	result     Result
	most       limits
	budget     *budget
	progress   *progress
	// unread are the contents that the budget was not enough for, and firstUnread is the path of one.
	unread      map[source.ID]struct{}
	firstUnread string

	// suspects are the contents in which the survey found something, and, with false, those that it was not given.
	suspects map[source.ID]bool
	// held is what was found in a content, so that each is read once for all places in which it means the same.
	held  *held
	paths map[string]struct{}
	seen  *sightings
	// repeated are folders whose content was visited at another path.
	repeated []source.Change
	// reported are the positions of the findings so far, by rule, path and value.
	reported map[string]int
	// values are detect.Match.Key of the findings so far.
	values []string
	full   bool
}

func (s *scanner) change(change source.Change) error {
	if err := s.name(change); err != nil {
		return err
	}
	switch change.Kind {
	case source.Folder:
		return nil
	case source.Symlink:
		s.result.Symlinks++
	case source.Submodule:
		s.result.Submodules++
		shown, err := s.detector.DisplayPath(s.ctx, change.Path)
		s.log.InfoContext(s.ctx, "submodule not followed", "path", shown)
		return err
	case source.TooDeep:
		return s.report(found{Match: detect.NotScanned("folders nest too deep")}, change)
	case source.Unreadable:
		return s.report(found{Match: detect.NotScanned("the folder is damaged or too large")}, change)
	case source.Repeated:
		s.repeated = append(s.repeated, change)
		return nil
	}
	return s.file(change)
}

// file reports what the commit brought with the file or link.
func (s *scanner) file(change source.Change) error {
	matches, err := s.at(change.Path, change.Blob, change.Kind)
	if err != nil {
		return err
	}
	s.seen.add(change.Blob, matches)
	return s.reportNew(matches, change)
}

// reportNew reports those matches that the parents of the commit do not hold.
func (s *scanner) reportNew(matches []found, change source.Change) error {
	if len(matches) == 0 {
		return nil
	}
	known, err := s.known(change)
	if err != nil {
		return err
	}
	for _, match := range matches {
		if _, ok := known[keyOf(match.Match)]; ok {
			continue
		}
		if err := s.report(match, change); err != nil {
			return err
		}
	}
	return nil
}

// name scans the path itself, once. What stands in the name of the folder was reported there.
func (s *scanner) name(change source.Change) error {
	if _, ok := s.paths[change.Path]; ok {
		return nil
	}
	s.paths[change.Path] = struct{}{}
	if len(change.Before) > 0 {
		return nil
	}
	matches, err := s.detector.ScanPath(s.ctx, change.Path)
	if err != nil || len(matches) == 0 {
		return err
	}
	inFolder, err := s.detector.ScanPath(s.ctx, folderOf(change.Path))
	if err != nil {
		return err
	}
	for _, match := range matches {
		if slices.ContainsFunc(inFolder, func(m detect.Match) bool { return keyOf(m) == keyOf(match) }) {
			continue
		}
		if err := s.report(found{Match: match}, change); err != nil {
			return err
		}
	}
	return nil
}

// folderOf returns the path of the folder that holds what is at path, with its slash; empty for the topmost.
func folderOf(path string) string {
	return path[:strings.LastIndexByte(strings.TrimSuffix(path, "/"), '/')+1]
}

// known returns what the parents of the commit already hold: in the same file, or, for a file that is new at its path, in
// the same content at another path. That much the commit did not bring.
func (s *scanner) known(change source.Change) (map[string]struct{}, error) {
	before := make([]standing, 0, len(change.Before))
	for _, id := range change.Before {
		before = append(before, standing{change.Path, id})
	}
	if len(before) == 0 {
		paths, err := s.repository.InParents(s.ctx, change.Commit, change.Blob)
		if err != nil {
			return nil, err
		}
		for _, path := range paths {
			before = append(before, standing{path, change.Blob})
		}
	}
	if err := s.repository.Ensure(s.ctx, change.Before...); err != nil {
		return nil, err
	}
	known := map[string]struct{}{}
	for _, one := range before {
		matches, err := s.at(one.path, one.blob, source.File)
		if err != nil {
			return nil, err
		}
		for _, match := range matches {
			// What could not be read of another content says nothing of this one.
			if match.Rule == contract.RuleNotScanned && one.blob != change.Blob {
				continue
			}
			known[keyOf(match.Match)] = struct{}{}
		}
	}
	return known, nil
}

// standing is a content at a path.
type standing struct {
	path string
	blob source.ID
}

// keyOf tells matches apart within a scan. Severity is part of it: a secret that comes to a key id makes the id worse.
func keyOf(match detect.Match) string {
	return match.Rule + "\x00" + match.Key + "\x00" + string(match.Severity)
}

// reading is a content as it is read in places of one class.
type reading struct {
	id    source.ID
	class string
}

// at returns what is found in the file or link with the content at the path.
func (s *scanner) at(path string, id source.ID, kind source.Kind) ([]found, error) {
	place := s.detector.Engine().Place(path)
	matches, err := s.content(id, place)
	if _, ok := s.unread[id]; ok && s.firstUnread == "" {
		s.firstUnread = path
	}
	if kind == source.Symlink {
		return matches, err // what its name promises is not in it
	}
	if byPath := s.detector.ByPath(place); len(byPath) > 0 {
		matches = slices.Concat(outside(byPath), matches)
	}
	return matches, err
}

// content returns what the detector finds in the content at the place.
func (s *scanner) content(id source.ID, place *detect.Place) (matches []found, err error) {
	counted, suspect := s.suspects[id]
	if place.Allowed() || !suspect && s.repository.Surveyed(id) {
		return nil, nil
	}
	as := reading{id, place.Class()}
	if matches, ok := s.held.matches[as]; ok {
		return matches, nil
	}
	_, again := s.held.forgotten[as]
	defer func() {
		if err == nil {
			s.held.keep(as, matches)
		}
	}()
	size, err := s.repository.Size(id)
	if err != nil {
		return nil, unreadable(id, err)
	}
	if size > s.most.blob {
		return []found{s.most.tooLarge(size)}, nil
	}
	if (!counted || again) && !s.budget.take(size) {
		s.unread[id] = struct{}{}
		return nil, nil
	}
	content, err := s.repository.Read(id)
	if source.Damaged(err) {
		return []found{{Match: detect.NotScanned("the content is damaged")}}, nil
	}
	if err != nil {
		return nil, unreadable(id, err)
	}
	matches, err = s.reader.read(s.ctx, content, size, place)
	if err = errors.Join(err, content.Close()); err != nil {
		return nil, unreadable(id, err)
	}
	if !counted {
		s.suspects[id] = true
		s.result.Files++
		s.result.Bytes += size
		s.progress.add(size)
	}
	return matches, nil
}

// tooLarge stands for a file that is too large to be scanned.
func (l limits) tooLarge(size int64) found {
	return found{Match: detect.NotScanned(fmt.Sprintf("the file has %d MiB, the limit is %d MiB", size>>20, l.blob>>20))}
}

// unreadable gives an error of the object store a class and a text. The error's own text is left out, as nobody has looked
// at what it may hold.
func unreadable(id source.ID, err error) error {
	var classified *failure.Error
	if errors.As(err, &classified) {
		return err
	}
	return failure.Temporary(err, "object %s of the fetched repository cannot be read", id)
}

// report adds the match to the findings, unless the same value was found in the same file before, or an allowlist takes it out
// in the commit.
func (s *scanner) report(match found, change source.Change) error {
	if match.AllowedIn(change.Commit) {
		return nil
	}
	path := match.at(change.Path)
	key := strings.Join([]string{match.Rule, path, match.Key, strconv.FormatBool(match.Line == 0)}, "\x00")
	if at, ok := s.reported[key]; ok {
		earlier := &s.result.Findings[at]
		if rank(match.Severity) < rank(earlier.Severity) {
			earlier.Severity = match.Severity
		}
		if match.AllowComment == "" {
			earlier.AllowComment = ""
		}
		return nil
	}
	if len(s.result.Findings) >= s.most.findings {
		if s.full {
			return nil
		}
		s.full = true
		s.add(ofWhole(fmt.Sprintf("more than %d findings, the rest is not listed", s.most.findings)), "")
		return nil
	}
	finding, err := s.detector.Finding(s.ctx, match.Match, path, change.Commit)
	if err != nil {
		return err
	}
	s.reported[key] = len(s.result.Findings)
	s.add(finding, match.Key)
	return nil
}

// add adds a finding of a value.
func (s *scanner) add(finding contract.Finding, value string) {
	s.result.Findings, s.values = append(s.result.Findings, finding), append(s.values, value)
}

// rank orders severities, worst first.
func rank(severity contract.Severity) int { return slices.Index(contract.Severities(), severity) }
