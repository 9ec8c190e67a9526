// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"lastpage/harness"
	"lastpage/kernels"
	"lastpage/kernels/prebuilt"
	"lastpage/lab/kind"
)

// Options are what the user may set for all boards of a run.
type Options = kind.Options

// Subject makes strategy ready to be tried on b: the kernel is fetched or built, and boards can be opened. Its Bench.Rest frees what the
// trials shared.
func (b *Board) Subject(ctx context.Context, cat *kernels.Catalogue, strategy string, o Options) (*harness.Subject, error) {
	st, err := find(cat, strategy)
	if err != nil {
		return nil, err
	}
	// What this machine lacks is said before a kernel is fetched.
	if err := b.Entry.Ready(ctx, o); err != nil {
		return nil, err
	}
	use := prebuilt.Probed
	if o.NoProbe {
		use = prebuilt.Unprobed
	}
	img, err := cat.Prepare(ctx, st.Kernel, kernels.Options{Progress: o.Progress, Use: use})
	if err != nil {
		return nil, err
	}
	k, err := cat.Kernel(st.Kernel)
	if err != nil {
		return nil, err
	}
	made, err := b.Entry.Bench(ctx, b.Name, kernel(cat, img, k, st.Cmdline), o)
	if err != nil {
		return nil, fmt.Errorf("strategy %s: %w", strategy, err)
	}
	if c, shared := b.Entry.(kind.Checker); shared {
		errs := o.Errors
		if errs == nil {
			errs = o.Progress
		}
		made.Bench = &leased{Bench: made.Bench, board: b.Name, line: c.Line(), tell: errs, off: func(ctx context.Context) error { return c.Off(ctx, b.Name) }}
	}
	return &harness.Subject{Strategy: st.Name, Kernel: st.Kernel, KernelKey: img.Key, Release: img.Release, Console: string(img.Console),
		Board: b.Name, Mode: made.Mode, Repeats: made.Repeats, Cmdline: made.Cmdline, Frame: made.Frame, CPUs: made.CPUs, Names: made.Names,
		Origin: img.Origin, Bench: made.Bench}, nil
}

// Check tries every part of a board with a strategy's kernel, its line for so long in each direction; tell is given each finding as it is made.
// What the line is worth is kept, for the trials that follow. A board that passes is not marked broken any more.
func (b *Board) Check(ctx context.Context, cat *kernels.Catalogue, strategy string, stress time.Duration, o Options, tell func(kind.Finding)) error {
	c, ok := b.Entry.(kind.Checker)
	if !ok {
		return fmt.Errorf("board %s: a board of kind %s has no parts that could be checked one by one; lastpage doctor looks at this machine", b.Name, b.Kind)
	}
	st, err := find(cat, strategy)
	if err != nil {
		return err
	}
	if err := b.Entry.Ready(ctx, o); err != nil {
		return err
	}
	img, err := cat.Image(ctx, st.Kernel, o.Progress)
	if err != nil {
		return err
	}
	k, err := cat.Kernel(st.Kernel)
	if err != nil {
		return err
	}
	h, err := b.Hold(ctx, "boards check", 0, nil)
	if err != nil {
		return err
	}
	defer h.Release() //nolint:errcheck // a switch that fails is a finding
	passed := true
	found, err := c.Check(ctx, b.Name, kernel(cat, img, k, st.Cmdline), stress, func(f kind.Finding) {
		passed = passed && (f.OK || f.Harmless)
		tell(f)
	})
	if err != nil || found == nil {
		return err
	}
	err = (&Calibration{Schema: CalibrationSchema, Board: b.Name, Line: c.Line(), When: time.Now().UTC().Truncate(time.Second), Kernel: img.Release,
		Calibration: *found}).save()
	if err != nil || !passed {
		return err
	}
	return mended(b.Name, tell)
}

// mended clears the mark of a board whose parts all passed, and tells so.
func mended(board string, tell func(kind.Finding)) error {
	broken, err := BrokenBoard(board)
	if err != nil || broken == nil {
		return err
	}
	if err := Clear(board); err != nil {
		return err
	}
	if broken.Marked() {
		why, _, _ := strings.Cut(broken.Why, "\n")
		tell(kind.Finding{What: "mark", OK: true, Says: fmt.Sprintf("it was marked broken since %s (%s): that is cleared", broken.Since.Local().Format("2006-01-02 15:04"), why)})
	}
	return nil
}

// kernel is one that is to be booted.
func kernel(cat *kernels.Catalogue, img *kernels.Image, k *kernels.Kernel, cmdline string) kind.Kernel {
	return kind.Kernel{Image: img, Entry: k, Cmdline: cmdline, Drivers: func(ctx context.Context, names []string, progress io.Writer) ([]string, error) {
		return cat.Drivers(ctx, k.Name, names, progress)
	}}
}

// find looks a strategy up. A name may be followed by more words for the command line, each after a '+':
// explicit+printk.flush_points=5.
func find(cat *kernels.Catalogue, name string) (kernels.Strategy, error) {
	base, more, _ := strings.Cut(name, "+")
	st, err := cat.Strategy(base)
	if err != nil {
		return kernels.Strategy{}, err
	}
	out := *st
	if out.Name = name; more != "" {
		out.Cmdline += " " + strings.ReplaceAll(more, "+", " ")
	}
	return out, nil
}
