// SPDX-License-Identifier: Apache-2.0

package wiretest

import (
	"context"
	"errors"
	"fmt"
	"math"

	"lastpage/harness/align"
	hgaps "lastpage/harness/gaps"
	"lastpage/kernels"
	"lastpage/kernels/plan"
)

// gapLimit is how far the mean rate inside records may be from the line's.
const gapLimit = 1e-3

// gapBacklog is a backlog in records: 1.3 s of wire at 115200 baud.
const gapBacklog = 100

// gaps measures the mean rate inside records and the gaps there, from the first byte of the boot on, with 1, 2 and 4 CPUs. The median, which
// part rate looks at, does not see a line that idles rarely and for long: a CPU that is kept from running by the others' turns.
func gaps(ctx context.Context, t *test) error {
	all := t.cat.Strategies
	if t.Quick {
		all = []kernels.Strategy{{Name: t.Kernel, Kernel: t.Kernel}}
	}
	for _, st := range all {
		k, err := t.cat.Kernel(st.Kernel)
		if err != nil {
			return err
		}
		img, err := t.image(ctx, k.Name)
		if err != nil {
			if ctx.Err() != nil {
				return err
			}
			t.add(unknown("gaps", st.Name, err))
			continue
		}
		for _, cpus := range []int{1, 2, 4} {
			if k.ExactCPUs > 0 && cpus > k.ExactCPUs || t.Quick && cpus > 2 {
				continue
			}
			t.Tell("gaps: %s, smp %d", st.Name, cpus)
			if err := t.gapsOf(ctx, img, st, cpus); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *test) gapsOf(ctx context.Context, img *kernels.Image, st kernels.Strategy, cpus int) error {
	name := fmt.Sprintf("%s, smp %d", st.Name, cpus)
	g, err := newGuest(ctx, img, t.exact(cpus), planned(cpus, gapBacklog, plan.ProvokeWarn), img.Cmdline+" "+st.Cmdline, teller{t.Tell})
	if err != nil {
		return err
	}
	defer g.bench.Close()
	s, err := g.shoot(ctx, 0, true)
	if err == nil && s.Ring == nil {
		err = errors.New(s.RingNo)
	}
	if err != nil {
		if ctx.Err() != nil {
			return err
		}
		t.add(unknown("gaps", name, err))
		return nil
	}
	boot, rest := s.paces(t.exact(cpus).Baud)
	own := s.own(boot, rest)
	for _, part := range []struct {
		name string
		pace *hgaps.Pace
	}{{"the boot", boot}, {"the flush", rest}} {
		f := gapFact(name+", "+part.name, part.pace, s.Void, own)
		if f.Verdict == Fail {
			t.keep("gaps-"+f.Name, s)
		}
		t.add(f)
	}
	return nil
}

// own says what the guest did in the gaps of a trial, if the plug-in saw all of them; it makes those void in which a CPU waited for its turn.
// Empty: it did not see them, so that they are not known to be the guest's own.
func (s *shot) own(paces ...*hgaps.Pace) string {
	gaps := int64(0)
	for _, p := range paces {
		if p != nil {
			gaps += int64(p.OverShort)
		}
	}
	if s.Audit["turns_fair"] != 1 || s.Audit["turns_gaps"] < gaps {
		return ""
	}
	ms := func(key string) float64 { return float64(s.Audit[key]) / 1e6 }
	return fmt.Sprintf("the guest's own: in all gaps of the trial the driver's CPU did something else for %.2f ms, was halted for %.2f ms, and the others had their turns for %.2f ms",
		ms("turns_own_ns"), ms("turns_asleep_ns"), ms("turns_others_ns"))
}

// gapFact judges a pace. Gaps that are the guest's own are a figure: the kernel's driver did not keep the line busy, the wire has no part in it.
func gapFact(name string, p *hgaps.Pace, void []string, own string) Fact {
	const line = 11520
	want := fmt.Sprintf("%d B/s on the mean inside records within %g %%, no gap over 1 ms but the guest's own, nothing void", line, gapLimit*100)
	if p == nil {
		return judge("gaps", name, false, want, "no record on the wire; void: %q", void)
	}
	ok := math.Abs(p.Rate/line-1) <= gapLimit && p.OverLong == 0 && len(void) == 0
	worst := hgaps.Gap{}
	if p.Worst != nil {
		worst = *p.Worst
	}
	f := judge("gaps", name, ok, want, "%.1f B/s on the mean of %d bytes; %d gaps over 0.1 ms, %d over 1 ms, the worst %.3f ms before byte %d; void: %q", p.Rate,
		p.Bytes, p.OverShort, p.OverLong, float64(worst.NS)/1e6, worst.Byte, void).
		with(map[string]float64{"mean_bytes_per_s": p.Rate, "bytes": float64(p.Bytes), "gaps_over_100us": float64(p.OverShort),
			"gaps_over_1ms": float64(p.OverLong), "idle_ns": float64(p.Idle), "worst_ns": float64(worst.NS), "worst_byte": float64(worst.Byte)})
	if !ok && len(void) == 0 && p.OverShort > 0 && own != "" {
		f.Verdict = Figure
		f.Got += "; " + own
	}
	return f
}

// paces is how the line ran inside records before the backlog began, and from then on. A record that lies across belongs to the boot.
func (s *shot) paces(baud int) (boot, rest *hgaps.Pace) {
	opts, _, _ := align.Detect(s.Wire, s.Ring.Records)
	r := align.Align(align.Input{Wire: s.Wire, Records: s.Ring.Records, Opts: opts, Levels: []align.Level{{Loglevel: 7}}})
	var before, after []hgaps.Span
	for _, p := range r.Pieces {
		span := hgaps.Span{Start: p.Start, End: p.End}
		switch {
		case p.Kind != align.FromRecord:
		case s.From < 0 || p.Start < s.From:
			before = append(before, span)
		default:
			after = append(after, span)
		}
	}
	frame := int64(10) * 1e9 / int64(baud)
	return hgaps.Measure(ends(s.Ends), frame, before), hgaps.Measure(ends(s.Ends), frame, after)
}

// ends are the ends of all frames of a wire, in virtual ns.
type ends []int64

// TimeAt implements hgaps.Times.
func (e ends) TimeAt(off int64) (int64, bool) {
	if off < 0 || off >= int64(len(e)) {
		return 0, false
	}
	return e[off], true
}
