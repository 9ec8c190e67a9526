package strategies_test

import (
	"context"
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"lastpage/harness"
	"lastpage/harness/grade"
	"lastpage/kernels/plan"
)

// promise is a statement about one trial of one strategy, and the mutants that must fail it.
type promise struct {
	text     string
	strategy string
	scenario string
	inject   string
	board    string // "": two CPUs
	shape    func(*plan.Plan)
	broken   []string // mutants
	// kept says how the trial breaks the promise; "" if it keeps it.
	kept func(ctx context.Context, t *harness.Trial) string
}

// fifo is how many bytes may still be in a 16550A when a flush is over, and in the line of a printer thread that is being interrupted.
const (
	fifo = 16
	line = 200
)

var promises = []promise{
	{text: "an interrupted emergency is wholly stored before any byte of its flush", strategy: "deferred",
		scenario: "warn-nmi-panic", inject: "share:50%", broken: []string{"deferred-flushes-early"}, kept: stored(grade.Warn)},
	{text: "an emergency that has ended was sent", strategy: "deferred",
		scenario: "warn", broken: []string{"deferred-forgets"}, kept: sentWhenDone},
	{text: "panic is synchronous: nothing older than the last record is missing when the machine dies", strategy: "deferred",
		scenario: "panic-dies-in:notifier-first", broken: []string{"deferred-panic-stores"}, kept: nothingUnsent},
	{text: "what an oops stored is sent before a crash kernel takes over", strategy: "deferred",
		scenario: "oops-crash-exec", broken: []string{"deferred-misses-crash-exec"}, kept: nothingUnsent},
	{text: "nothing older than the point behind the message is missing when the machine dies in a notifier", strategy: "explicit",
		scenario: "panic-dies-in:notifier-first", broken: []string{"explicit-misses-message"}, kept: nothingUnsent},
	{text: "nothing older than the point behind the notifiers is missing when the machine dies in a dumper", strategy: "explicit",
		scenario: "panic-dies-in:kmsg-dump", shape: func(p *plan.Plan) { p.Nested = plan.NestedWarn },
		broken: []string{"explicit-misses-notifiers"}, kept: nothingUnsent},
	{text: "nobody but the printer threads prints in an emergency", strategy: "kthread-only", board: "qemu-smp1",
		scenario: "warn", broken: []string{"kthread-only-flushes"}, kept: silentWhileProvoked},
	{text: "the emergency's own records come before the backlog", strategy: "newest-first",
		scenario: "warn", broken: []string{"newest-first-backlog-first"}, kept: warnBeforeBacklog},
}

var _ = Describe("the promise of a strategy", func() {
	for _, p := range promises {
		Describe(p.strategy+": "+p.text, func() {
			It("is kept by the kernel with the strategies", func(ctx SpecContext) {
				Expect(p.kept(ctx, p.trial(ctx, ""))).To(BeEmpty())
			}, SpecTimeout(limit))
			for _, m := range p.broken {
				It("is broken by "+m, func(ctx SpecContext) {
					Expect(p.kept(ctx, p.trial(ctx, m))).NotTo(BeEmpty())
				}, SpecTimeout(limit))
			}
		})
	}
})

func stored(section string) func(context.Context, *harness.Trial) string {
	return func(_ context.Context, t *harness.Trial) string {
		s := t.Grade.Sections[section]
		if s.Expected == nil || s.Stored == nil || s.Expected.Records == 0 {
			return "unknown: nothing tells what was expected"
		}
		if s.Stored.Records < s.Expected.Records {
			return fmt.Sprintf("%s: %d of %d records stored", section, s.Stored.Records, s.Expected.Records)
		}
		return ""
	}
}

func nothingUnsent(ctx context.Context, t *harness.Trial) string {
	w, err := harness.LastWords(ctx, t)
	if err != nil {
		return err.Error()
	}
	if n := w.Unsent + w.Cut; n > 0 {
		return fmt.Sprintf("%d records are stored and were not sent whole; the last on the wire is %q, the last stored %q", n, w.LastWire, w.LastStored)
	}
	return ""
}

// event finds the first ring of a code.
func event(t *harness.Trial, c plan.Code) (wireByte int64, ok bool) {
	for _, e := range t.Events {
		if e.Code == c {
			return e.WireByte, true
		}
	}
	return 0, false
}

func sentWhenDone(_ context.Context, t *harness.Trial) string {
	done, ok := event(t, plan.ProvokeDone)
	s := t.Grade.Sections[grade.Warn]
	switch {
	case !ok:
		return "the emergency never ended"
	case s.Expected == nil || s.Wire.Records < s.Expected.Records || s.LastByte == nil:
		return "the emergency is not wholly on the wire at all"
	case *s.LastByte > done+fifo:
		return fmt.Sprintf("its last byte is number %d, it ended at %d", *s.LastByte, done)
	}
	return ""
}

func silentWhileProvoked(_ context.Context, t *harness.Trial) string {
	from, ok1 := event(t, plan.Provoked)
	to, ok2 := event(t, plan.ProvokeDone)
	if !ok1 || !ok2 {
		return "the emergency never ended"
	}
	if to-from > line {
		return fmt.Sprintf("%d bytes were sent while the only CPU was in the emergency", to-from)
	}
	return ""
}

func warnBeforeBacklog(_ context.Context, t *harness.Trial) string {
	w, b := t.Grade.Sections[grade.Warn], t.Grade.Sections[grade.Backlog]
	if w.LastByte == nil || b.LastByte == nil {
		return "one of the two is not on the wire"
	}
	if *w.LastByte > *b.LastByte {
		return fmt.Sprintf("the emergency ends at byte %d, the backlog at %d", *w.LastByte, *b.LastByte)
	}
	return ""
}
