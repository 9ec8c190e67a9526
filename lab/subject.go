package lab

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"lastpage/capture/wire"
	"lastpage/dut"
	"lastpage/dut/qemu"
	"lastpage/harness"
	"lastpage/kernels"
	"lastpage/kernels/plan"
)

// symbols are the names that a trigger may wait for. A kernel that lacks one simply has none.
var symbols = []string{"panic", "vpanic", "__crash_kexec", "crash_kexec", "kmsg_dump", "kmsg_dump_desc", "prb_final_commit", "prb_commit",
	"nbcon_cpu_emergency_enter", "nbcon_cpu_emergency_exit", "nbcon_atomic_flush_pending", "nbcon_atomic_flush_unsafe",
	"console_flush_on_panic", "console_unlock", "panic_try_force_cpu", "smp_send_stop", "crash_smp_send_stop", "__warn"}

// Options are what the user may set for all boards of a run.
type Options struct {
	Baud     int
	Progress io.Writer
	// Accept compares plain with fast-forward where that has not been done yet for a kernel and command line, which takes a minute or two.
	// Otherwise only those that were accepted before are fast-forwarded.
	Accept bool
}

// Subject makes strategy ready to be tried on b: the kernel is fetched or built, and boards can be opened. The returned function frees
// what the trials of this subject shared.
func (b *Board) Subject(ctx context.Context, cat *kernels.Catalogue, strategy string, o Options) (harness.Subject, func(), error) {
	st, err := find(cat, strategy)
	if err != nil {
		return harness.Subject{}, nil, err
	}
	setup := qemu.Setup{Name: b.Name, Binary: b.Binary, Mode: b.Wire, CPUs: b.CPUs, MemMiB: b.Memory, Shift: b.Shift, Seed: b.Seed,
		Baud: o.Baud, Snapshot: b.Snapshot}
	// What this machine lacks is said before a kernel is fetched.
	if _, err := qemu.NewBench(ctx, &setup, o.Progress); err != nil {
		return harness.Subject{}, nil, err
	}
	img, err := cat.Image(ctx, st.Kernel, o.Progress)
	if err != nil {
		return harness.Subject{}, nil, err
	}
	k, err := cat.Kernel(st.Kernel)
	if err != nil {
		return harness.Subject{}, nil, err
	}
	if setup.Mode == qemu.Exact && k.ExactCPUs > 0 {
		setup.CPUs = min(setup.CPUs, k.ExactCPUs)
	}
	benches := &benches{setup: setup, fast: b.FastForward, accept: o.Accept, img: img, tell: o.Progress, of: map[string]*qemu.Bench{}}
	line, err := cmdline(img.Cmdline, st.Cmdline, o.Baud)
	if err != nil {
		return harness.Subject{}, nil, fmt.Errorf("strategy %s: %w", strategy, err)
	}
	benches.own = line
	s := harness.Subject{Strategy: st.Name, Kernel: st.Kernel, Release: img.Release, Console: string(img.Console), Board: b.Name,
		Mode: string(b.Wire), Cmdline: line, Frame: wire.Frame{Baud: o.Baud, Bits: 10}, CPUs: setup.CPUs, Names: symbols,
		Rest: benches.close}
	s.Open = func(ctx context.Context, p *plan.Plan, more string) (*dut.Board, error) {
		var initrd bytes.Buffer
		if err := kernels.WriteInitramfs(&initrd, img, p, nil); err != nil {
			return nil, err
		}
		full := strings.TrimSpace(line + " " + more)
		bench, err := benches.get(ctx, full)
		if err != nil {
			return nil, err
		}
		board, err := bench.Open(ctx, qemu.Payload{Kernel: img.Vmlinuz, Initrd: initrd.Bytes(), Cmdline: full})
		if err != nil {
			return nil, err
		}
		board.Facts["kernel"] = img.Release
		board.Facts["kernel_key"] = img.Key
		for _, pkg := range img.Packages {
			board.Facts["package "+pkg.Package] = pkg.Version
		}
		return board, nil
	}
	return s, benches.close, nil
}

// find looks a strategy up. A name may be followed by more words for the command line, each behind a '+':
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

// cmdline joins the kernel's command line with the strategy's and sets the console's rate. A PC's port ends at 115200 baud: for a faster
// line the guest is told 115200 and the model's clock is scaled.
func cmdline(base, more string, baud int) (string, error) {
	told := min(baud, 115200)
	if baud > told && baud%told != 0 {
		return "", fmt.Errorf("%d baud: above 115200 only multiples of it can be had", baud)
	}
	out := strings.Fields(base + " " + more)
	found := false
	for i, w := range out {
		if dev, ok := strings.CutPrefix(w, "console=ttyS0,"); ok {
			if dev != "115200" {
				return "", fmt.Errorf("%s: the catalogue must say console=ttyS0,115200; the rate is chosen by --baud", w)
			}
			out[i] = "console=ttyS0," + strconv.Itoa(told)
			found = true
		}
	}
	if !found {
		return "", fmt.Errorf("command line %q has no console=ttyS0,115200", base)
	}
	return strings.Join(out, " "), nil
}
