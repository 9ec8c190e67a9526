// SPDX-License-Identifier: Apache-2.0

package wiretest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"lastpage/capture/ring"
	"lastpage/capture/wire"
	"lastpage/dut"
	"lastpage/dut/qemu"
	"lastpage/harness"
	"lastpage/kernels"
	"lastpage/kernels/plan"
)

// guest is one kernel with its plan on one setup, ready to be tried again and again.
type guest struct {
	setup   qemu.Setup
	plan    *plan.Plan
	payload qemu.Payload
	bench   *qemu.Pool
	course  uint32 // how it is disturbed before its plan starts (harness.Course.Word)
	endless bool   // it is never over: what it does in a short time is compared
}

// in is the same guest in the n-th course, from 1.
func (g *guest) in(n int) *guest {
	other := *g
	other.course = harness.Draw(1, n, harness.Branched).Word()
	return &other
}

// runID of all plans here: equal inputs must give equal bytes.
const runID = "11cebeef"

// exact is a setup with the exact wire.
func (t *test) exact(cpus int) qemu.Setup {
	return qemu.Setup{Name: "wiretest", Binary: t.Binary, Mode: qemu.Exact, CPUs: cpus, MemMiB: 256, Shift: 4, Seed: 7, Baud: 115200}
}

// newGuest prepares a guest; cmdline is whole.
func newGuest(ctx context.Context, img *kernels.Image, setup qemu.Setup, p *plan.Plan, cmdline string, tell io.Writer) (*guest, error) {
	bench, err := qemu.NewPool(ctx, &setup, tell)
	if err != nil {
		return nil, err
	}
	var initrd bytes.Buffer
	if err := kernels.WriteInitramfs(&initrd, img, p, nil); err != nil {
		return nil, err
	}
	return &guest{setup: setup, plan: p, bench: bench,
		payload: qemu.Payload{Kernel: img.Vmlinuz, Initrd: initrd.Bytes(), Cmdline: cmdline}}, nil
}

// planned is the plan of a WARN on top of a backlog, or of the backlog alone.
func planned(cpus, backlog int, provoke plan.Provoke) *plan.Plan {
	p := plan.Default(runID, cpus)
	p.Backlog, p.Provoke = backlog, provoke
	return p
}

// Silences after which a trial is over, virtual: after its known end (a panicked kernel computes for ever, an idle one costs nothing), after
// the probe's word that panic() is in its final loop, when only the FIFO may still hold something, and without either (panic() itself waits
// up to 10 s).
const (
	panicked = 300 * time.Millisecond
	looping  = 60 * time.Millisecond
	drained  = 2 * time.Second
	silent   = 15 * time.Second
	booting  = 5 * time.Minute
	bootLog  = 64 << 10         // bytes on the wire until then
	patience = 20 * time.Second // more than panic() waits for anything
)

// after bounds what follows the beginning of the backlog, in virtual time: a line that somebody floods is never silent.
func (g *guest) after() time.Duration {
	n := 3 * g.sent(g.plan.Backlog*(g.plan.RecordLen+20))
	if g.endless {
		return n
	}
	return patience + n
}

// sent is how long so many bytes take on the line.
func (g *guest) sent(bytes int) time.Duration {
	return time.Duration(int64(bytes) * wire.Frame{Baud: g.setup.Baud, Bits: 10}.ByteNS())
}

// triggers of a trial. nmi is the wire byte, counted from when the backlog began, at which an NMI comes; 0: none.
func (g *guest) triggers(nmi int64) []dut.Trigger {
	over := plan.ProvokeDone
	if g.plan.Provoke == plan.ProvokeNone {
		over = plan.BacklogStored
	}
	ts := []dut.Trigger{
		{Name: "begin", When: dut.AtEvent, Code: plan.BacklogBegin, N: 1, Do: dut.Note},
		{Name: "late", When: dut.AtTime, N: int64(g.after()), After: "begin", Do: dut.Stop},
		{Name: "limit", When: dut.AtTime, N: int64(booting + g.sent(bootLog) + g.after()), Do: dut.Stop},
	}
	if nmi == 0 {
		return append(ts,
			dut.Trigger{Name: "over", When: dut.AtEvent, Code: over, N: 1, Do: dut.Note},
			dut.Trigger{Name: "drained", When: dut.AtQuiet, N: int64(drained), After: "over", Do: dut.Stop},
			dut.Trigger{Name: "died", When: dut.AtPattern, Text: dut.PanicEnds, Do: dut.Note},
			dut.Trigger{Name: "dead", When: dut.AtQuiet, N: int64(panicked), After: "died", Do: dut.Stop})
	}
	return append(ts,
		dut.Trigger{Name: "nmi", When: dut.AtByte, N: nmi, After: "begin", Do: dut.NMI},
		dut.Trigger{Name: "over", When: dut.AtPattern, Text: dut.PanicEnds, After: "nmi", Do: dut.Note},
		dut.Trigger{Name: "drained", When: dut.AtQuiet, N: int64(panicked), After: "over", Do: dut.Stop},
		dut.Trigger{Name: "loop", When: dut.AtEvent, Code: plan.Mark, N: 1, After: "nmi", Do: dut.Note},
		dut.Trigger{Name: "empty", When: dut.AtQuiet, N: int64(looping), After: "loop", Do: dut.Stop},
		dut.Trigger{Name: "silent", When: dut.AtQuiet, N: int64(silent), After: "begin", Do: dut.Stop})
}

// shot is what came of one trial.
type shot struct {
	Wire   []byte
	Ends   []int64
	From   int64 // offset of the wire at which the backlog began; -1: it never did
	NMI    *dut.Firing
	Over   bool  // it came to its known end
	Late   int64 // when its time was over and it was stopped in the middle, virtual; 0: it was not
	Void   []string
	Audit  map[string]int64
	Host   time.Duration // from before the board was opened to its stop
	Ring   *ring.Log
	RingNo string // why there is none
}

// shoot makes one trial.
func (g *guest) shoot(ctx context.Context, nmi int64, withRing bool) (*shot, error) {
	return g.trial(ctx, g.bench.Open, nmi, withRing)
}

// plain makes one trial without fast-forward, from the same snapshot.
func (g *guest) plain(ctx context.Context, nmi int64, withRing bool) (*shot, error) {
	return g.trial(ctx, g.bench.OpenPlain, nmi, withRing)
}

func (g *guest) trial(ctx context.Context, open func(context.Context, qemu.Payload) (*dut.Board, error), nmi int64, withRing bool) (*shot, error) {
	start := time.Now()
	b, err := open(ctx, g.payload)
	if err != nil {
		return nil, err
	}
	b.Turn(dut.Knobs{Course: g.course})
	s, err := run(ctx, b, g.triggers(nmi), withRing, start)
	if err == nil && s.Late > 0 && !g.endless {
		s.Void = append(s.Void, overtime)
	}
	return s, err
}

const overtime = "it did not end in the time it was given"

// run makes one trial on an opened board and closes it.
func run(ctx context.Context, b *dut.Board, ts []dut.Trigger, withRing bool, start time.Time) (*shot, error) {
	defer b.Close()
	p, err := dut.Play(ctx, b, ts)
	if err != nil {
		return nil, err
	}
	s := &shot{Host: time.Since(start), From: -1}
	if withRing {
		if s.Ring, err = b.Ring(ctx); err != nil {
			s.RingNo = err.Error()
		}
	}
	s.Audit, s.Void = p.Audit.Figures, p.Audit.Void
	for _, f := range p.Fired {
		if !f.Fired {
			continue
		}
		switch f.Name {
		case "begin":
			s.From = int64(f.WireByte)
		case "nmi":
			s.NMI = &f
		case "over":
			s.Over = true
		case "died":
			s.Void = append(s.Void, "the guest panicked of itself")
		case "late":
			s.Late = f.NS
		case "limit":
			s.Void = append(s.Void, overtime)
		}
	}
	if p.End.By != "trigger" {
		s.Void = append(s.Void, "it ended by "+p.End.By)
	}
	if err := b.Close(); err != nil {
		return nil, err
	}
	for _, m := range b.Said() {
		if m.Event == plan.EventError {
			s.Void = append(s.Void, "the guest: "+m.Text)
		}
	}
	s.Wire = b.Wire.Bytes(0, b.Wire.Len())
	s.Ends = make([]int64, len(s.Wire))
	for i := range s.Ends {
		s.Ends[i], _ = b.Wire.TimeAt(int64(i))
	}
	if n := s.Audit["uart_wire"]; n != int64(len(s.Wire)) {
		s.Void = append(s.Void, fmt.Sprintf("%d bytes left the UART, %d were captured", n, len(s.Wire)))
	}
	return s, nil
}

// margin is before the end of a trial that was stopped: the last frame may be in one wire and not in the other.
const margin = int64(time.Millisecond)

// cut leaves what was on the wire well before a trial was stopped in the middle.
func (s *shot) cut() {
	if s.Late == 0 {
		return
	}
	n, _ := slices.BinarySearch(s.Ends, s.Late-margin)
	s.Wire, s.Ends = s.Wire[:n], s.Ends[:n]
}

// counted is how many times each wire was seen, and the digests by name.
type counted map[string]int

func (c counted) digests() map[string]string {
	out := map[string]string{}
	for sum := range c {
		out[fmt.Sprintf("wire %d", len(out)+1)] = sum
	}
	return out
}

// sum digests every byte and its time.
func (s *shot) sum() string {
	h := sha256.New()
	h.Write(s.Wire)
	_ = binary.Write(h, binary.LittleEndian, s.Ends)
	return hex.EncodeToString(h.Sum(nil))
}

// cmdline is a kernel's own command line with another rate and format, and more behind it.
func cmdline(img *kernels.Image, console, more string) string {
	return strings.TrimSpace(strings.Replace(img.Cmdline, "console=ttyS0,115200", "console=ttyS0,"+console, 1) + " " + more)
}

// consoleFormat is the rate and format as the kernel's console= wants them.
func consoleFormat(baud int, parity byte, bits int) string {
	s := strconv.Itoa(min(baud, 115200))
	if parity != 'n' || bits != 8 {
		s += string(parity) + strconv.Itoa(bits)
	}
	return s
}
