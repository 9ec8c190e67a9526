// SPDX-License-Identifier: Apache-2.0

package wiretest

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"slices"

	"lastpage/kernels/plan"
)

// rateLimit is how far the rate inside a record may be from the nominal one.
const rateLimit = 1e-4

// setting is one rate and format of the line.
type setting struct {
	baud   int
	parity byte
	bits   int
	// shift of icount. Above 115200 baud the guest's CPU must be faster than a poll a byte, or it is the guest that is slow: at 3,000,000
	// baud a frame takes 3.3 us, and Linux waits in steps of 1 us of its own clock and what the loop costs.
	shift   int
	backlog int // records
}

func (s setting) String() string {
	return fmt.Sprintf("%d baud %d%c1", s.baud, s.bits, s.parity-'a'+'A')
}

// frameBits are start, data, parity and one stop bit.
func (s setting) frameBits() int {
	if s.parity == 'n' {
		return s.bits + 2
	}
	return s.bits + 3
}

func settings() []setting {
	return []setting{
		{1200, 'n', 8, 4, 6}, {9600, 'n', 8, 4, 20}, {57600, 'n', 8, 4, 50}, {115200, 'n', 8, 4, 50}, {115200, 'e', 7, 4, 50},
		{9600, 'o', 7, 4, 20}, {921600, 'n', 8, 3, 200}, {3000000, 'n', 8, 2, 200},
	}
}

// rate measures the rate inside records: from the end of the first byte of a line to the end of its last one, in virtual time. One CPU: a
// second one may interrupt a record half-way, which is the guest's doing. (8N2 cannot be had by console=; the shell's part measures it.)
func rate(ctx context.Context, t *test) error {
	img, err := t.image(ctx, t.Kernel)
	if err != nil {
		return err
	}
	for _, s := range settings() {
		if t.Quick && s.baud == 1200 {
			s.backlog = 3
		}
		t.Tell("rate: %s", s)
		setup := t.exact(1)
		setup.Baud, setup.Shift = s.baud, s.shift
		g, err := newGuest(ctx, img, setup, planned(1, s.backlog, plan.ProvokeNone),
			cmdline(img, consoleFormat(s.baud, s.parity, s.bits), "quiet"), teller{t.Tell})
		if err != nil {
			return err
		}
		shot, err := g.shoot(ctx, 0, false)
		g.bench.Close()
		if err != nil {
			if ctx.Err() != nil {
				return err
			}
			t.add(unknown("rate", s.String(), err))
			continue
		}
		f := shot.rate(s)
		if f.Verdict == Fail {
			t.keep("rate-"+s.String(), shot)
		}
		t.add(f)
	}
	return nil
}

func (s *shot) rate(set setting) Fact {
	nominal := float64(set.baud) / float64(set.frameBits())
	want := fmt.Sprintf("%.1f B/s within %g %%, nothing void", nominal, rateLimit*100)
	rates := s.recordRates()
	if len(rates) == 0 || len(s.Void) > 0 {
		return judge("rate", set.String(), false, want, "%d records on the wire; void: %q", len(rates), s.Void)
	}
	lo, mid, hi := rates[0], rates[len(rates)/2], rates[len(rates)-1]
	worst := max(math.Abs(lo/nominal-1), math.Abs(hi/nominal-1))
	return judge("rate", set.String(), worst <= rateLimit && len(rates) == set.backlog, want,
		"%.2f / %.2f / %.2f B/s (min, median, max of %d records), off by %.5f %%", lo, mid, hi, len(rates), worst*100).
		with(map[string]float64{"records": float64(len(rates)), "min_bytes_per_s": lo, "median_bytes_per_s": mid, "max_bytes_per_s": hi,
			"nominal_bytes_per_s": nominal, "worst_relative": worst, "host_s": s.Host.Seconds(), "overruns": float64(s.Audit["uart_overruns"])})
}

// recordRates are the rates inside the probe's records in bytes/s, sorted.
func (s *shot) recordRates() []float64 {
	var out []float64
	mark := []byte("lastpage " + runID + " b ")
	for at := max(s.From, 0); at < int64(len(s.Wire)); {
		n := int64(bytes.IndexByte(s.Wire[at:], '\n')) + 1
		if n == 0 {
			break
		}
		if bytes.Contains(s.Wire[at:at+n], mark) {
			out = append(out, float64(n-1)*1e9/float64(s.Ends[at+n-1]-s.Ends[at]))
		}
		at += n
	}
	slices.Sort(out)
	return out
}
