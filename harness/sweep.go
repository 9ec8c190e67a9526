package harness

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"lastpage/capture/wire"
	"lastpage/harness/grade"
)

// SweepSchema names the form of sweep.json.
const SweepSchema = "lastpage.sweep/1"

// Sweep is sweep.json: one strategy, interrupted at many points of one and the same course of events.
type Sweep struct {
	Schema    string    `json:"schema"`
	Status    string    `json:"status"`
	Strategy  string    `json:"strategy"`
	Kernel    string    `json:"kernel"`
	Release   string    `json:"release"`
	Console   string    `json:"console"`
	Board     string    `json:"board"`
	Mode      string    `json:"mode"`
	CPUs      int       `json:"cpus"`
	Cmdline   string    `json:"cmdline"`
	Scenario  string    `json:"scenario"`
	Baud      int       `json:"baud"`
	Backlog   int       `json:"backlog_records"`
	RecordLen int       `json:"record_len"`
	Started   time.Time `json:"started"`
	// Took is the time that the trials took on the host, over all sessions, without boots.
	Took      time.Duration `json:"took_ns"`
	Reference string        `json:"reference"` // folder
	// Course is a digest of the reference's wire, bytes and times. Points of different courses are not comparable.
	Course   string                 `json:"course"`
	Expected map[string]grade.Count `json:"expected"`
	// Span is how many bytes of wire lie between the provocation and the end of what it makes the kernel send.
	Span   int64    `json:"span_bytes"`
	Wanted int      `json:"points_wanted"`
	Points []*Point `json:"points"` // by Byte

	// WarnFrom is the smallest point from which on every point has the whole WARN stored, WarnSentFrom the same of the wire; null: none.
	WarnFrom     *int64 `json:"warn_stored_from_byte"`
	WarnSentFrom *int64 `json:"warn_sent_from_byte"`
	Voids        int    `json:"voids"`

	dir string
}

// Stage is one section of a point, in whole records.
type Stage struct {
	Stored int `json:"stored"`
	Wire   int `json:"wire"`
}

// Point is the outcome of one interruption.
type Point struct {
	Byte    int64    `json:"byte"` // asked for, in bytes of wire after the provocation
	NS      int64    `json:"ns"`   // of the interruption, after the provocation
	Warn    Stage    `json:"warn"`
	Backlog Stage    `json:"backlog"`
	Panic   Stage    `json:"panic"`
	Letter  string   `json:"letter,omitempty"`
	Void    []string `json:"void,omitempty"`
	Dir     string   `json:"dir,omitempty"` // evidence, where it was kept
}

// SweepOrder is what a sweep has to do.
type SweepOrder struct {
	Order
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
func ExecuteSweep(ctx context.Context, o SweepOrder, s Subject, tell Progress) (*Sweep, error) {
	sw, ref, err := o.begin(ctx, s, tell)
	if err != nil {
		return nil, err
	}
	kept, err := openPoints(o.Out)
	if err != nil {
		return sw, err
	}
	start := time.Now()
	err = o.points(ctx, s, ref, sw, kept, tell)
	sw.Took += time.Since(start)
	sw.Points = kept.sorted()
	sw.finish()
	return sw, errors.Join(err, kept.close(), sw.save())
}

// begin runs the reference trial, which is the course that all points interrupt.
func (o SweepOrder) begin(ctx context.Context, s Subject, tell Progress) (*Sweep, *Trial, error) {
	old, err := loadSweep(o.Out)
	if err != nil {
		return nil, nil, err
	}
	row := &Row{}
	name := "reference"
	if exists(filepath.Join(o.Out, name)) {
		name = fmt.Sprintf("reference-%d", time.Now().UnixNano())
	}
	ref, err := o.valid(ctx, s, row, attempt{reference: true}, o.Out, name, func(what string) {
		if tell != nil {
			tell(s.Strategy, what, 0, o.Points)
		}
	})
	if err != nil {
		return nil, nil, err
	}
	if ref == nil {
		return nil, nil, fmt.Errorf("sweep: every reference trial is void, the last because of %v", row.Voids[len(row.Voids)-1].Why)
	}
	log, _, err := wire.LoadDir(ref.dir)
	if err != nil {
		return nil, nil, err
	}
	p := ref.Asked.Plan
	sw := &Sweep{Schema: SweepSchema, Status: Unfinished, Strategy: s.Strategy, Kernel: s.Kernel, Release: s.Release, Console: s.Console,
		Board: s.Board, Mode: ref.mode(s.Mode), CPUs: s.CPUs, Cmdline: ref.Asked.Cmdline, Scenario: o.Scenario.Name, Baud: s.Frame.Baud, Backlog: p.Backlog,
		RecordLen: p.RecordLen, Started: time.Now().UTC(), Reference: filepath.Base(ref.dir), Course: course(log), Expected: ref.Expected(),
		Wanted: o.Points, dir: o.Out}
	if sw.Span, err = span(ref); err != nil {
		return nil, nil, err
	}
	if old != nil {
		if old.Course != sw.Course || old.Cmdline != sw.Cmdline {
			return nil, nil, fmt.Errorf("sweep %s: what is there was another course of events (%s, now %s): take a new folder", o.Out, old.Course, sw.Course)
		}
		sw.Started, sw.Took, sw.Reference = old.Started, old.Took, old.Reference
	}
	return sw, ref, sw.save()
}

// span is how many bytes lie between the provocation and the last byte of the backlog and of what was provoked.
func span(ref *Trial) (int64, error) {
	at, ok := ref.fired(trigProvoke)
	if !ok || ref.Grade == nil {
		return 0, errors.New("sweep: the reference was not provoked")
	}
	var end int64
	for _, name := range []string{grade.Backlog, grade.Warn} {
		if sec := ref.Grade.Sections[name]; sec != nil && sec.LastByte != nil {
			end = max(end, *sec.LastByte)
		}
	}
	if end <= at.WireByte {
		return 0, errors.New("sweep: nothing is on the wire behind the provocation")
	}
	return end - at.WireByte, nil
}

// points runs the trials that are not done yet.
func (o SweepOrder) points(ctx context.Context, s Subject, ref *Trial, sw *Sweep, kept *pointLog, tell Progress) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	todo := make(chan int)
	go func() {
		defer close(todo)
		for i := range o.Points {
			if kept.has(o.byteOf(i, sw.Span)) {
				continue
			}
			select {
			case todo <- i:
			case <-ctx.Done():
				return
			}
		}
	}()
	var l light
	var wg sync.WaitGroup
	errs := make([]error, max(1, o.Workers))
	for w := range errs {
		wg.Go(func() {
			for i := range todo {
				p, err := o.point(ctx, s, ref, &l, i, sw.Span, kept)
				if err == nil {
					var done int
					if done, err = kept.add(p); tell != nil && err == nil {
						kept.quietly(func() {
							tell(s.Strategy, fmt.Sprintf("byte %d: warn %d stored", p.Byte, p.Warn.Stored), done, o.Points)
						})
					}
				}
				if err != nil {
					errs[w] = err
					cancel()
					return
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(append(errs, context.Cause(ctx))...)
}

// byteOf places the i-th point: from the first byte behind the provocation to the last of the span.
func (o SweepOrder) byteOf(i int, span int64) int64 {
	if o.Points == 1 {
		return 1
	}
	return 1 + int64(float64(i)*float64(span-1)/float64(o.Points-1))
}

// point runs one trial; with its evidence if the point is of the sample, and once more with it if it is void.
func (o SweepOrder) point(ctx context.Context, s Subject, ref *Trial, l *light, i int, span int64, kept *pointLog) (*Point, error) {
	at := o.byteOf(i, span)
	asked, err := o.asked(s, attempt{in: &Inject{At: "byte", N: at}, ref: ref})
	if err != nil {
		return nil, err
	}
	keep := o.Sample > 0 && i%o.Sample == 0
	for try := 0; ; try++ {
		b, err := s.Open(ctx, asked.Plan, o.Scenario.Cmdline)
		if err != nil {
			return nil, fmt.Errorf("open board %s: %w", s.Board, err)
		}
		var t *Trial
		if keep {
			dir := filepath.Join(o.Out, fmt.Sprintf("byte-%07d", at))
			if try > 0 || exists(dir) {
				dir += fmt.Sprintf("-%d", time.Now().UnixNano())
			}
			t, err = conduct(ctx, dir, asked, b)
		} else {
			t, err = l.conduct(ctx, asked, b)
		}
		b.Close()
		if err != nil {
			return nil, err
		}
		p := t.point(at)
		if len(p.Void) == 0 || try > o.Retries {
			return p, nil
		}
		keep = kept.odd()
	}
}

// point is what a trial says as a point of a sweep.
func (t *Trial) point(at int64) *Point {
	p := &Point{Byte: at, Void: t.Reasons()}
	if t.dir != "" {
		p.Dir = filepath.Base(t.dir)
	}
	from, ok1 := t.fired(trigProvoke)
	to, ok2 := t.fired(trigInject)
	if ok1 && ok2 {
		p.NS = to.NS - from.NS
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
	want := sw.Expected[grade.Warn].Records
	sw.WarnFrom, sw.WarnSentFrom, sw.Voids = nil, nil, 0
	stored, sent := true, true
	for i := len(sw.Points) - 1; i >= 0; i-- {
		p := sw.Points[i]
		if len(p.Void) > 0 {
			sw.Voids++
			continue
		}
		if stored = stored && p.Warn.Stored >= want; stored {
			sw.WarnFrom = &p.Byte
		}
		if sent = sent && p.Warn.Wire >= want; sent {
			sw.WarnSentFrom = &p.Byte
		}
	}
	if len(sw.Points) >= sw.Wanted {
		sw.Status = Finished
	}
}

func (sw *Sweep) save() error { return writeJSON(filepath.Join(sw.dir, "sweep.json"), sw) }
