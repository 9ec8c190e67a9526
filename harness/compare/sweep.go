// SPDX-License-Identifier: Apache-2.0

package compare

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"sort"
	"sync"
	"time"

	"lastpage/capture/wire"
	"lastpage/dut"
	"lastpage/harness"
	"lastpage/harness/grade"
)

// SweepSchema names the form of sweep.json.
const SweepSchema = "lastpage.sweep/3"

// SweepName is the file of a sweep in its folder.
const SweepName = "sweep.json"

// Sweep is sweep.json: one strategy, interrupted at many points of one and the same course of events.
type Sweep struct {
	Schema     string            `json:"schema"`
	Status     string            `json:"status"`
	Made       string            `json:"made_by"` // which lastpage
	Conditions Conditions        `json:"conditions"`
	Strategy   string            `json:"strategy"`
	Kernel     string            `json:"kernel"`
	Release    string            `json:"release"`
	Console    string            `json:"console"`
	Board      string            `json:"board"`
	Mode       string            `json:"mode"`
	CPUs       int               `json:"cpus"`
	Cmdline    string            `json:"cmdline"`
	Origin     map[string]string `json:"origin,omitempty"`
	Scenario   string            `json:"scenario"`
	Baud       int               `json:"baud"`
	Backlog    int               `json:"backlog_records"`
	RecordLen  int               `json:"record_len"`
	Started    time.Time         `json:"started"`
	// Took is the time that the trials took on the host, over all sessions, without boots.
	Took      time.Duration `json:"took_ns"`
	Reference string        `json:"reference"` // folder
	Provoked  dut.Moment    `json:"provoked"`  // in the reference; every point counts from its own
	// Course is a digest of the reference's wire, bytes and times. Points of different courses are not comparable.
	Course   string                 `json:"course"`
	Expected map[string]grade.Count `json:"expected"`
	// Span is how many bytes of wire lie between the provocation and the end of what it makes the kernel send, SpanNS how long that takes.
	Span   int64           `json:"span_bytes"`
	SpanNS int64           `json:"span_ns"`
	Drawn  *harness.Course `json:"drawn,omitempty"` // which course of an ensemble; null: the board's own
	By     string          `json:"by"`              // how the points are spread: ByByte, ByRecord or ByTime
	Wanted int             `json:"points_wanted"`
	Points []*Point        `json:"points"` // by NS; those that looked for an edge are among them

	// From which moment on every point has the whole WARN stored, or on the wire; null: not known, as not all points were reached.
	WarnStored *Edge `json:"warn_stored_from"`
	WarnSent   *Edge `json:"warn_sent_from"`
	Voids      int   `json:"voids"`

	out   *Folder
	line  *wire.Log // of the reference
	whole bool      // all points that are spread were reached
}

// Stage is one section of a point, in whole records.
type Stage struct {
	Stored int `json:"stored"`
	Wire   int `json:"wire"`
}

// Point is the outcome of one interruption.
type Point struct {
	Inject  string   `json:"inject"` // what was asked for, as ParseInject reads it
	Byte    int64    `json:"byte"`   // of the interruption, in bytes of wire after the provocation
	NS      int64    `json:"ns"`     // the same in time
	Warn    Stage    `json:"warn"`
	Backlog Stage    `json:"backlog"`
	Panic   Stage    `json:"panic"`
	Letter  string   `json:"letter,omitempty"`
	Void    []string `json:"void,omitempty"`
	Dir     string   `json:"dir,omitempty"` // evidence, where it was kept
}

// SweepOrder is what a sweep has to do.
type SweepOrder struct {
	harness.Series
	Out     *Folder
	By      string // ByByte, ByRecord or ByTime
	Points  int
	Workers int
	Sample  int // every so many points the evidence is kept; 0: never
}

// maxOdd bounds the evidence that is kept of points that are void.
const maxOdd = 20

// course is a digest of everything that was on the wire and when.
func course(l *wire.Log) string {
	h := sha256.New()
	h.Write(l.Bytes(0, l.Len()))
	for i := range l.Len() {
		ns, _ := l.TimeAt(i)
		fmt.Fprintf(h, "%d\n", ns)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// ExecuteSweep carries out a sweep in o.Out, or goes on with one that is there. Every point that is done is kept, whatever ends it.
func ExecuteSweep(ctx context.Context, o SweepOrder, s *harness.Subject, tell Progress) (*Sweep, error) {
	sw, ref, err := o.begin(ctx, s, tell)
	if err != nil {
		return nil, err
	}
	kept, err := openPoints(o.Out.Dir)
	if err != nil {
		return sw, err
	}
	start := time.Now()
	err = o.points(ctx, s, ref, sw, kept, tell)
	sw.Took += time.Since(start)
	sw.Points = kept.sorted()
	sw.finish()
	if err == nil {
		sw.Status = harness.Finished
	}
	return sw, errors.Join(err, kept.close(), sw.save())
}

// begin runs the reference trial, which is the course that all points interrupt.
func (o SweepOrder) begin(ctx context.Context, s *harness.Subject, tell Progress) (*Sweep, *harness.Trial, error) {
	now := conditions(&o.Series)
	now.subject(s)
	now["points by"] = o.By
	if o.Course != nil {
		now["course"] = fmt.Sprintf("%+v", *o.Course)
	}
	var old Sweep
	found, err := o.Out.load(SweepName, &old, SweepSchema, func() string { return old.Schema })
	if err == nil && found {
		err = old.Conditions.agree(now, o.Out.Dir)
	}
	if err == nil {
		err = o.Can(s)
	}
	if err != nil {
		return nil, nil, err
	}
	name := "reference"
	if harness.Exists(filepath.Join(o.Out.Dir, name)) { // a snapshot of now has its own
		name = fmt.Sprintf("reference-%d", time.Now().UnixNano())
	}
	if tell != nil {
		tell(s.Strategy, name, 0, o.Points)
	}
	ref, voids, err := o.Valid(ctx, s, harness.Try{Reference: true}, o.Out.Dir, name)
	if err != nil {
		return nil, nil, err
	}
	if ref == nil {
		return nil, nil, fmt.Errorf("sweep: every reference trial is void, the last because of %v", voids[len(voids)-1].Why)
	}
	if ref.Expected()[grade.Warn].Records == 0 {
		return nil, nil, fmt.Errorf("sweep: the reference of scenario %s holds no whole WARN, and what is left of one is what a sweep measures", o.Scenario.Name)
	}
	log, _, err := wire.LoadDir(ref.Dir())
	if err != nil {
		return nil, nil, err
	}
	p := ref.Order.Plan
	sw := &Sweep{Schema: SweepSchema, Status: harness.Unfinished, Made: harness.Version(), Conditions: now, Strategy: s.Strategy, Kernel: s.Kernel,
		Release: s.Release, Console: s.Console, Board: s.Board, Mode: ref.ModeOr(s.Mode), CPUs: s.CPUs, Cmdline: ref.Order.Cmdline, Origin: s.Origin,
		Drawn: o.Course, Scenario: o.Scenario.Name, Baud: s.Frame.Baud, Backlog: p.Backlog, RecordLen: p.RecordLen, Started: time.Now().UTC(),
		Reference: filepath.Base(ref.Dir()), Course: course(log), Expected: ref.Expected(), By: o.By, out: o.Out}
	if err := sw.span(ref, log); err != nil {
		return nil, nil, err
	}
	if found {
		if old.Course != sw.Course {
			return nil, nil, fmt.Errorf("sweep %s: under equal conditions the guest took another course of events than before (%s, now %s): take a new folder",
				o.Out.Dir, old.Course, sw.Course)
		}
		sw.Started, sw.Took, sw.Reference = old.Started, old.Took, old.Reference
	}
	return sw, ref, sw.save()
}

// span measures from the provocation to the last byte of the backlog and of what was provoked.
func (sw *Sweep) span(ref *harness.Trial, log *wire.Log) error {
	at := ref.Provoked
	if at == nil || ref.Grade == nil {
		return errors.New("sweep: the reference was not provoked")
	}
	var end int64
	for _, name := range []string{grade.Backlog, grade.Warn} {
		if sec := ref.Grade.Sections[name]; sec != nil && sec.LastByte != nil {
			end = max(end, *sec.LastByte)
		}
	}
	sw.line, sw.Provoked = log, *at
	ns, ok := log.TimeAt(end - 1)
	if end <= int64(at.WireByte) || !ok {
		return errors.New("sweep: nothing is on the wire after the provocation")
	}
	sw.Span, sw.SpanNS = end-int64(at.WireByte), ns-at.NS
	return nil
}

// bytesBy is how many bytes of wire the reference had ns after the provocation.
func (sw *Sweep) bytesBy(ns int64) int64 {
	return int64(sort.Search(int(sw.line.Len()-int64(sw.Provoked.WireByte)), func(i int) bool {
		at, _ := sw.line.TimeAt(int64(sw.Provoked.WireByte) + int64(i))
		return at-sw.Provoked.NS > ns
	}))
}

// sameCourse makes a point void that has not, until its interruption, what the reference has: on two CPUs the waiting for a moment must
// not change who has the turn.
func (sw *Sweep) sameCourse(p *Point) {
	if want := sw.bytesBy(p.NS); len(p.Void) == 0 && p.Byte != want {
		p.Void = []string{fmt.Sprintf("another course than the reference's: %d bytes of wire at %d ns, not %d", p.Byte, p.NS, want)}
	}
}

// points runs the trials that are not done yet: first those that are spread, then those that look for the edges between them.
func (o SweepOrder) points(ctx context.Context, s *harness.Subject, ref *harness.Trial, sw *Sweep, kept *pointLog, tell Progress) error {
	all, err := o.moments(ctx, ref, sw)
	if err != nil {
		return err
	}
	sw.Wanted = len(all)
	one := func(ctx context.Context, in harness.Inject, keep bool) error {
		p, err := o.point(ctx, s, ref, sw, in, keep, kept)
		if err != nil {
			return err
		}
		done, err := kept.add(p)
		if err != nil || tell == nil {
			return err
		}
		kept.quietly(func() {
			tell(s.Strategy, fmt.Sprintf("%s: warn %d stored", in, p.Warn.Stored), min(done, sw.Wanted), sw.Wanted)
		})
		return nil
	}
	if err := o.spread(ctx, all, o.Sample, kept, one); err != nil {
		return err
	}
	sw.whole = true
	return o.edges(ctx, sw, kept, one)
}

// spread runs the points of all that are not done, o.Workers at a time. The evidence of every sample-th is kept, with 0 of none.
func (o SweepOrder) spread(ctx context.Context, all []harness.Inject, sample int, kept *pointLog, one func(context.Context, harness.Inject, bool) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	todo := make(chan int)
	go func() {
		defer close(todo)
		for i, in := range all {
			if kept.has(in) {
				continue
			}
			select {
			case todo <- i:
			case <-ctx.Done():
				return
			}
		}
	}()
	var wg sync.WaitGroup
	for range max(1, o.Workers) {
		wg.Go(func() {
			for i := range todo {
				if err := one(ctx, all[i], sample > 0 && i%sample == 0); err != nil {
					cancel(err) // the others end by it
					return
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// point runs one trial; with its evidence if keep says so, and once more with it if it is void.
func (o SweepOrder) point(ctx context.Context, s *harness.Subject, ref *harness.Trial, sw *Sweep, in harness.Inject, keep bool, kept *pointLog) (*Point, error) {
	for try := 0; ; try++ {
		dir := ""
		if keep {
			dir = filepath.Join(o.Out.Dir, folderOf(in))
			if try > 0 || harness.Exists(dir) {
				dir += fmt.Sprintf("-%d", time.Now().UnixNano())
			}
		}
		t, err := o.Trial(ctx, s, harness.Try{Inject: &in, Ref: ref}, dir)
		if err != nil {
			return nil, err
		}
		p := pointOf(t, in)
		sw.sameCourse(p)
		if len(p.Void) == 0 || try > o.Retries {
			return p, nil
		}
		keep = kept.odd()
	}
}

// pointOf is what a trial says as a point of a sweep.
func pointOf(t *harness.Trial, in harness.Inject) *Point {
	p := &Point{Inject: in.String(), Byte: in.N, NS: in.Time.Nanoseconds(), Void: t.Reasons()}
	if t.Dir() != "" {
		p.Dir = filepath.Base(t.Dir())
	}
	if to, ok := t.Injected(); ok && t.Provoked != nil {
		p.Byte, p.NS = int64(to.WireByte-t.Provoked.WireByte), to.NS-t.Provoked.NS
	}
	if t.Grade == nil {
		return p
	}
	p.Letter = t.Grade.Letter
	for name, st := range map[string]*Stage{grade.Warn: &p.Warn, grade.Backlog: &p.Backlog, grade.Panic: &p.Panic} {
		if s := t.Grade.Sections[name]; s != nil {
			st.Wire = s.Wire.Records
			if s.Stored != nil {
				st.Stored = s.Stored.Records
			}
		}
	}
	return p
}

// finish works out what the points say together.
func (sw *Sweep) finish() {
	sw.Voids = 0
	for _, p := range sw.Points {
		if len(p.Void) > 0 {
			sw.Voids++
		}
	}
	sw.WarnStored, sw.WarnSent = nil, nil
	if sw.whole {
		sw.WarnStored, sw.WarnSent = sw.verdict(stored), sw.verdict(sent)
	}
}

func (sw *Sweep) save() error { return harness.WriteJSON(filepath.Join(sw.out.Dir, SweepName), sw) }
