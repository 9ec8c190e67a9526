// SPDX-License-Identifier: Apache-2.0

package wiretest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"lastpage/dut/qemu"
	"lastpage/kernels"
	"lastpage/kernels/plan"
	"lastpage/kernels/store"
	"lastpage/lab/kind"
)

// AcceptanceSchema names the form of an Acceptance.
const AcceptanceSchema = "lastpage.acceptance/3"

// Acceptance says whether fast-forward changes anything for one kernel with one command line on one machine. It is what a kernel needs
// before it may be fast-forwarded, and it holds only for the plug-in, QEMU, kernel, command line and machine it was made with.
type Acceptance struct {
	Schema   string            `json:"schema"`
	Passed   bool              `json:"passed"`
	Why      string            `json:"why"` // in one sentence
	Of       map[string]string `json:"of"`
	Compared []Comparison      `json:"compared"`
}

// Comparison is one trial made twice.
type Comparison struct {
	NMI        int64   `json:"nmi_byte"` // of the wire, counted from the start of the backlog; 0: none
	Course     uint32  `json:"course"`   // how the guest was disturbed before (harness.Course.Word); 0: not at all
	Equal      bool    `json:"equal"`    // every byte and every time
	Differs    int     `json:"differs"`  // offset of the first byte or time that does not agree; -1: none
	Bytes      int     `json:"bytes"`    // of the plain wire
	Plain      string  `json:"plain"`    // SHA-256 of bytes and times
	Fast       string  `json:"fast"`
	PlainHostS float64 `json:"plain_host_s"`
	FastHostS  float64 `json:"fast_host_s"`
	JumpedNS   int64   `json:"jumped_ns"` // virtual time that was skipped
	// Unsteady: the plain trial, or the fast one, did not repeat itself, so that a difference between the two says nothing. It was repeated
	// until a plain and a fast one were equal, or repeats were used up.
	Unsteady bool   `json:"unsteady,omitempty"`
	Void     string `json:"void,omitempty"`
}

// acceptBacklog is the backlog of an acceptance in records: 3 s of wire at 115200 baud, and 1.3 s where one place is enough.
func acceptBacklog(points int) int {
	if points == kind.AcceptOne {
		return 100
	}
	return 250
}

// FewPoints are enough to let a kernel use fast-forward at all; the test itself makes 20.
const FewPoints = kind.AcceptFew

// Accept compares plain against fast-forward: a WARN on a backlog without an NMI, and with one at points places spread over the flush, each in
// a course of its own, because what fast-forward may do wrong depends on what the other CPUs do meanwhile. It starts trials as the setup does,
// from a snapshot or by booting. The outcome is kept in the store, a refusal too; a run that could not be made is an error and is not
// kept. Booting and, say, 4 points take a minute the first time and nothing afterwards.
func Accept(ctx context.Context, setup qemu.Setup, img *kernels.Image, cmdline string, points int, tell io.Writer) (*Acceptance, error) {
	setup.FastForward = true
	setup.Name = "acceptance"
	g, err := newGuest(ctx, img, setup, planned(setup.CPUs, acceptBacklog(points), plan.ProvokeWarn), cmdline, tell)
	if err != nil {
		return nil, fmt.Errorf("accept fast-forward: %w", err)
	}
	defer g.bench.Close()
	of, err := g.identity(ctx, img, points)
	if err != nil {
		return nil, fmt.Errorf("accept fast-forward: %w", err)
	}
	id, err := json.Marshal(of)
	if err != nil {
		return nil, err
	}
	dir, err := store.Do(ctx, "accept", store.Key(AcceptanceSchema, string(id)), tell, func(ctx context.Context, tmp string) error {
		a, err := g.accept(ctx, points, tell)
		if err != nil {
			return err
		}
		a.Of = of
		data, err := json.MarshalIndent(a, "", "  ")
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(tmp, "acceptance.json"), append(data, '\n'), 0o644)
	})
	if err != nil {
		return nil, fmt.Errorf("accept fast-forward: %w", err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "acceptance.json"))
	a := new(Acceptance)
	if err == nil {
		err = json.Unmarshal(data, a)
	}
	if err != nil {
		return nil, fmt.Errorf("accept fast-forward: %s: %w", dir, err)
	}
	return a, nil
}

// identity is everything that an acceptance depends on.
func (g *guest) identity(ctx context.Context, img *kernels.Image, points int) (map[string]string, error) {
	version, err := qemu.Version(ctx, g.setup.Binary)
	if err != nil {
		return nil, err
	}
	machine := g.setup
	machine.Name, machine.Binary = "", ""
	return map[string]string{"plugin": g.bench.Plugin(), "qemu": version, "qemu_sha256": g.bench.Binary(), "kernel": img.Release,
		"kernel_key": img.Key, "cmdline": g.payload.Cmdline, "machine": fmt.Sprintf("%+v", machine), "points": fmt.Sprint(points), "records": fmt.Sprint(g.plan.Backlog)}, nil
}

// firstCourse of those in which an NMI comes. The second is the one in which a faulty fast-forward was found that was equal in the first.
const firstCourse = 2

var errNoFastForward = errors.New("fast-forward is not at work in this QEMU")

// accept makes the comparisons.
func (g *guest) accept(ctx context.Context, points int, tell io.Writer) (*Acceptance, error) {
	a := &Acceptance{Schema: AcceptanceSchema}
	first, err := g.compare(ctx, 0)
	if errors.Is(err, errNoFastForward) {
		a.Why = err.Error()
		return a, nil
	}
	if err != nil {
		return nil, err
	}
	flush := int64(first.Bytes) - first.from
	list := make([]*comparison, points)
	err = each(ctx, points, max(1, min(runtime.NumCPU(), 8)), func(ctx context.Context, i int) error {
		at := flush * int64(2*i+1) / int64(2*points)
		fmt.Fprintf(tell, "plain against fast: NMI %d of %d\n", i+1, points)
		var err error
		list[i], err = g.in(firstCourse+i).compare(ctx, max(1, at))
		return err
	})
	if err != nil {
		return nil, err
	}
	equal, unsteady := 0, 0
	for _, c := range append([]*comparison{first}, list...) {
		a.Compared = append(a.Compared, c.Comparison)
		if c.Equal && c.Void == "" {
			equal++
		}
		if c.Unsteady {
			unsteady++
		}
	}
	a.Passed = equal == len(a.Compared)
	a.Why = fmt.Sprintf("%d of %d trials have the same bytes and times with and without fast-forward", equal, len(a.Compared))
	if unsteady > 0 {
		a.Why += fmt.Sprintf("; %d did not repeat themselves at once", unsteady)
	}
	return a, nil
}

type comparison struct {
	Comparison
	from   int64
	unmade bool // there was nothing to compare with; Void says why
}

// repeats of a comparison that did not come out equal.
const repeats = 3

// compare makes one trial twice. When the two differ it is made again, to know whether either of them differs from itself: with two CPUs a
// busy host can disturb the order in which QEMU gives them their turns, with and without fast-forward.
func (g *guest) compare(ctx context.Context, nmi int64) (*comparison, error) {
	first, err := g.once(ctx, nmi)
	if err != nil || first.Equal || first.unmade {
		return first, err
	}
	plains, fasts := map[string]bool{first.Plain: true}, map[string]bool{first.Fast: true}
	for range repeats {
		c, err := g.once(ctx, nmi)
		if err != nil {
			return nil, err
		}
		plains[c.Plain], fasts[c.Fast] = true, true
		first.Unsteady = len(plains) > 1 || len(fasts) > 1
		for sum := range plains {
			if fasts[sum] {
				first.Plain, first.Fast, first.Equal, first.Differs = sum, sum, true, -1
				return first, nil
			}
		}
	}
	return first, nil
}

// once makes one trial twice, the fast one first: where it cannot be had, the slow one is not worth its time.
func (g *guest) once(ctx context.Context, nmi int64) (*comparison, error) {
	fast, err := g.shoot(ctx, nmi, false)
	if err != nil {
		return nil, err
	}
	if fast.Audit["ff_state"] != 1 || fast.Audit["ff_jumps"] == 0 {
		return nil, errNoFastForward
	}
	switch {
	case fast.Late == 0 || g.endless:
	case nmi > 0:
		return &comparison{unmade: true, Comparison: Comparison{NMI: nmi, Course: g.course, Differs: -1, Fast: fast.sum(), Void: fast.Void[len(fast.Void)-1]}}, nil
	default: // nobody compares at the same time yet; its whole time would take a plain trial some ten minutes
		g.endless = true
		if fast, err = g.shoot(ctx, nmi, false); err != nil {
			return nil, err
		}
	}
	plain, err := g.plain(ctx, nmi, false)
	if err != nil {
		return nil, err
	}
	plain.cut()
	fast.cut()
	c := &comparison{from: plain.From, Comparison: Comparison{NMI: nmi, Course: g.course, Bytes: len(plain.Wire), Plain: plain.sum(), Fast: fast.sum(), Differs: differ(plain, fast),
		PlainHostS: plain.Host.Seconds(), FastHostS: fast.Host.Seconds(), JumpedNS: fast.Audit["ff_jumped_ns"]}}
	c.Equal = c.Differs < 0
	for _, v := range append(plain.Void, fast.Void...) {
		c.Void = v
	}
	// A kernel whose panic never ends (6.1 real-time may sleep in it) is compared up to its silence.
	if plain.Over != fast.Over {
		c.Void = "only one of the two came to its end"
	}
	return c, nil
}

// differ is the offset of the first byte that is not the same at the same time in both; -1 if there is none.
func differ(a, b *shot) int {
	n := min(len(a.Wire), len(b.Wire))
	for i := range n {
		if a.Wire[i] != b.Wire[i] || a.Ends[i] != b.Ends[i] {
			return i
		}
	}
	if len(a.Wire) != len(b.Wire) {
		return n
	}
	return -1
}

// accept compares on every kernel of the catalogue that is ready to boot without building one.
func accept(ctx context.Context, t *test) error {
	points := 20
	if t.Quick {
		points = FewPoints
	}
	for _, k := range t.cat.Kernels {
		if t.Quick && k.Name != t.Kernel {
			continue
		}
		img, err := t.image(ctx, k.Name)
		if err != nil {
			if ctx.Err() != nil {
				return err
			}
			t.add(unknown("accept", k.Name, err))
			continue
		}
		for _, cpus := range []int{1, 2} {
			if k.ExactCPUs > 0 && cpus > k.ExactCPUs {
				t.Tell("accept: %s: the catalogue gives it %d CPU at most on an exact wire", k.Name, k.ExactCPUs)
				continue
			}
			name := fmt.Sprintf("%s, smp %d, no NMI and %d", k.Name, cpus, points)
			t.Tell("accept: %s", name)
			setup := t.exact(cpus)
			setup.Snapshot = true
			a, err := Accept(ctx, setup, img, img.Cmdline, points, teller{t.Tell})
			switch {
			case ctx.Err() != nil:
				return err
			case err != nil:
				t.add(unknown("accept", name, err))
				continue
			case len(a.Compared) == 0:
				t.add(unknown("accept", name, errors.New(a.Why)))
				continue
			}
			var slow, quick float64
			for _, c := range a.Compared {
				slow, quick = slow+c.PlainHostS, quick+c.FastHostS
			}
			t.add(judge("accept", name, a.Passed, "equal bytes and times", "%s; host time %.1f s plain, %.1f s fast", a.Why, slow, quick).
				with(map[string]float64{"compared": float64(len(a.Compared)), "plain_host_s": slow, "fast_host_s": quick}))
		}
	}
	return nil
}
