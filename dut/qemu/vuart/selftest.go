// SPDX-License-Identifier: Apache-2.0

package vuart

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"lastpage/dut/child"
	"lastpage/kernels/store"
)

// Fitness is what the self-test found out about a QEMU.
type Fitness struct {
	Version     string `json:"version"` // first line of qemu --version
	SHA256      string `json:"sha256"`  // of the program that is QEMU, in hex
	FastForward bool   `json:"fast_forward"`
	FairTurns   bool   `json:"fair_turns"` // of several CPUs on the exact wire; without them each of its trials is void
}

// ErrUnfit is in the error of SelfTest when the model cannot be trusted inside this QEMU.
var ErrUnfit = errors.New("the UART model does not fit this QEMU (install Debian's qemu-system-x86, 7.2 or 10.0)")

const selfTestLimit = 60 * time.Second // of host time, for one run on a very busy machine; a quiet one needs 0.2 s

// SelfTest runs a guest of our own on that QEMU. It programs divisors and formats, fills FIFOs, loops back, raises BREAK, and takes interrupts
// and NMIs, and every value and time of it is compared with the data sheet. A pass is remembered for the QEMU that really runs, for what
// starts it, and for that plugin. It uses internals of QEMU that are no interface, so nothing of it is trusted before this has passed.
func SelfTest(ctx context.Context, qemu string) (Fitness, error) {
	bin, err := Identify(ctx, qemu)
	if err != nil {
		return Fitness{}, fmt.Errorf("self-test of the UART model: %w", err)
	}
	plugin, err := Build(ctx)
	if err != nil {
		return Fitness{}, err
	}
	key, err := fitnessKey(bin, plugin)
	if err != nil {
		return Fitness{}, fmt.Errorf("self-test of the UART model: %w", err)
	}
	dir, err := store.Do(ctx, "vuart-fit", key, nil, func(ctx context.Context, tmp string) error {
		fit, err := try(ctx, tmp, bin, plugin)
		if err != nil {
			return err
		}
		b, err := json.Marshal(fit)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(tmp, "fitness.json"), b, 0o644)
	})
	if err != nil {
		return Fitness{}, fmt.Errorf("self-test of the UART model in %s: %w", bin.Path, err)
	}
	var fit Fitness
	b, err := os.ReadFile(filepath.Join(dir, "fitness.json"))
	if err == nil {
		err = json.Unmarshal(b, &fit)
	}
	return fit, err
}

// fitnessKey digests QEMU, plugin and script.
func fitnessKey(bin Binary, plugin string) (string, error) {
	s, ts := selfTest()
	model, err := digest(plugin)
	if err != nil {
		return "", err
	}
	return sourceKey(fmt.Sprintf("%+v", Fitness{}), fmt.Sprint(s, ts), Sandbox, bin.script, bin.SHA256, bin.Version, model)
}

// try runs the self-test twice, once with fast-forward: both runs must be right, and equal to the ns.
func try(ctx context.Context, dir string, bin Binary, plugin string) (Fitness, error) {
	fit := Fitness{Version: bin.Version, SHA256: bin.SHA256}
	var first outcome
	for i, opt := range [][]Option{nil, {FastForward}} {
		o, err := runSelfTest(ctx, dir, bin.Path, plugin, opt)
		if err != nil {
			return fit, err
		}
		if err := o.check(); err != nil {
			return fit, fmt.Errorf("%s: %w: %w", bin.Version, ErrUnfit, err)
		}
		if i == 0 {
			first = o
			continue
		}
		fit.FastForward, fit.FairTurns = o.stats.FFState == FFOn, o.stats.Turns.Fair == 1
		if !slices.Equal(o.recs, first.recs) || !slices.Equal(o.events, first.events) {
			return fit, fmt.Errorf("%s: %w: two runs of the same guest differ", bin.Version, ErrUnfit)
		}
	}
	return fit, nil
}

// outcome is everything that a run of the self-test left behind.
type outcome struct {
	script script
	recs   []Rec
	events []Event
	stats  Stats
}

func runSelfTest(ctx context.Context, dir, qemu, plugin string, opts []Option) (o outcome, err error) {
	s, triggers := selfTest()
	o.script = s
	tmp, err := os.MkdirTemp(dir, "run")
	if err != nil {
		return o, err
	}
	defer os.RemoveAll(tmp)
	err = compile(ctx, tmp, []string{"-m32", "-nostdlib", "-static", "-Wl,-melf_i386,--oformat=binary,-Ttext=0,--build-id=none", "-o", "rom"}, "", "rom_x86.S")
	if err != nil {
		return o, err
	}
	rom, err := os.ReadFile(filepath.Join(tmp, "rom"))
	if err != nil {
		return o, err
	}
	image, err := s.image(rom)
	if err != nil {
		return o, err
	}
	bios := filepath.Join(tmp, "bios")
	if err := os.WriteFile(bios, image, 0o644); err != nil {
		return o, err
	}
	c := Default()
	c.Records, c.Events = 1<<10, 1<<10
	page := filepath.Join(tmp, "page")
	p, err := Create(page, c)
	if err != nil {
		return o, err
	}
	defer p.Close()
	if err := p.SetTriggers(triggers); err != nil {
		return o, err
	}
	args := []string{"-M", "q35", "-cpu", "max", "-accel", "tcg,thread=single", "-m", "16", "-nodefaults", "-no-user-config", "-display", "none", "-sandbox", Sandbox,
		"-serial", "null", "-monitor", "none", "-bios", bios, "-plugin", strings.Join(Args(plugin, page, opts...), ","),
		"-icount", "shift=4,sleep=off", "-rtc", "base=2023-11-01T00:00:00,clock=vm", "-seed", "1"}
	err = o.watch(ctx, p, qemu, args)
	return o, err
}

// watch runs QEMU until the guest stands, and reads the page.
func (o *outcome) watch(ctx context.Context, p *Page, qemu string, args []string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, selfTestLimit, fmt.Errorf("%w: its guest did not come to an end", ErrUnfit))
	defer cancel()
	proc, err := child.Start(append([]string{qemu}, args...), nil)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnfit, err)
	}
	defer proc.Kill()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for stopped := false; !stopped; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-proc.Done():
			return fmt.Errorf("%w: %w", ErrUnfit, proc.Failure())
		}
		_, err := p.Events(func(es []Event) {
			for _, e := range es {
				o.events = append(o.events, e)
				stopped = stopped || e.Kind == Run && e.Arg == 0
			}
		})
		if err != nil {
			return err
		}
	}
	o.stats = p.Stats()
	_, err = p.Drain(func(rs []Rec) { o.recs = append(o.recs, rs...) })
	return err
}

// check compares what happened with what must have happened, and tells the first difference.
func (o *outcome) check() error {
	var rings []Event
	for _, e := range o.events {
		if e.Kind == Doorbell {
			rings = append(rings, e)
		}
	}
	for i, want := range o.script.sights {
		if i >= len(rings) {
			return fmt.Errorf("%s: the guest hung", want.what)
		}
		if got := rings[i]; got.Code != want.code || got.Arg != want.arg {
			return fmt.Errorf("%s: the guest saw %d/%#x instead of %d/%#x", want.what, got.Code, got.Arg, want.code, want.arg)
		}
	}
	if err := o.line(); err != nil {
		return err
	}
	for i, want := range o.script.sights {
		if want.from < 0 {
			continue
		}
		var from int64
		if want.mark {
			from = rings[want.from].NS
		} else {
			from = o.recs[want.from].EndNS
		}
		if late := rings[i].NS - from - want.ns; late < 0 || late > slack {
			return fmt.Errorf("%s: %d ns from where it should have been", want.what, late)
		}
	}
	return o.account(rings)
}

// line compares the frames.
func (o *outcome) line() error {
	if len(o.recs) != len(o.script.frames) {
		return fmt.Errorf("%d frames on the line instead of %d", len(o.recs), len(o.script.frames))
	}
	for i, want := range o.script.frames {
		got := o.recs[i]
		got.EndNS, got.Ninths = 0, 0
		if want.Flags == Break {
			want.DurNS = got.DurNS
		}
		if got != want {
			return fmt.Errorf("frame %d on the line is %+v instead of %+v", i, got, want)
		}
	}
	return nil
}

func (o *outcome) account(rings []Event) error {
	last := o.events[len(o.events)-1]
	switch end := rings[len(rings)-1]; {
	case last.NS != end.NS:
		return fmt.Errorf("the machine stopped %d ns after it should have", last.NS-end.NS)
	case o.stats.Overwritten != 1:
		return fmt.Errorf("%d bytes overwritten instead of 1", o.stats.Overwritten)
	case o.stats.ICountNS != 16:
		return fmt.Errorf("%d ns an instruction instead of 16", o.stats.ICountNS)
	}
	if why := o.stats.Void(); len(why) > 0 {
		return errors.New(strings.Join(why, "; "))
	}
	return nil
}
