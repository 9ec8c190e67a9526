// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"lastpage/capture/wire"
	"lastpage/dut"
	"lastpage/kernels"
	"lastpage/kernels/plan"
)

// guest is a real kernel with the init of a trial.
func guest(t *testing.T, more string) Payload {
	t.Helper()
	if testing.Short() {
		t.Skip("boots a kernel")
	}
	cat, err := kernels.LoadCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	img, err := cat.Image(t.Context(), "debian-6.12-cloud", io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var initrd bytes.Buffer
	p := plan.Default("00000000", 1)
	p.Backlog = 20
	if err := kernels.WriteInitramfs(&initrd, img, p, nil); err != nil {
		t.Fatal(err)
	}
	return Payload{Kernel: img.Vmlinuz, Initrd: initrd.Bytes(), Cmdline: img.Cmdline + more}
}

func exact() Setup {
	return Setup{Name: "test", Mode: Exact, CPUs: 1, MemMiB: 256, Shift: 4, Seed: 7, Baud: 115200}
}

// run opens a board, arms ts, and lets it run to its end.
func run(t *testing.T, s Setup, p Payload, ts []dut.Trigger) error {
	t.Helper()
	bench, err := NewPool(t.Context(), &s, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer bench.Close()
	b, err := bench.Open(t.Context(), p)
	if err != nil {
		return err
	}
	defer b.Close()
	if err := b.Machine.Arm(ts); err != nil {
		t.Fatal(err)
	}
	_, err = b.Machine.Run(t.Context())
	return err
}

// TestBootPanics: a kernel that panics while it boots, and stands there, is the same error on every board, long before a limit.
func TestBootPanics(t *testing.T) {
	p := guest(t, " rdinit=/nothing root=/dev/nothing")
	for _, snapshot := range []bool{false, true} {
		s := exact()
		s.Snapshot = snapshot
		err := run(t, s, p, []dut.Trigger{{Name: "limit", When: dut.AtTime, N: 200e9, Do: dut.Stop}})
		var boot *dut.BootError
		if !errors.As(err, &boot) {
			t.Fatalf("snapshot %t: %v", snapshot, err)
		}
		if !strings.Contains(boot.Why, dut.PanicBegins) || !strings.HasSuffix(boot.Why, "block(0,0))") || !strings.Contains(boot.Console[len(boot.Console)-1], dut.PanicEnds) {
			t.Errorf("snapshot %t: %v", snapshot, err)
		}
	}
}

// TestBootPanicsOnce: on an exact wire it would panic again, and is not booted again.
func TestBootPanicsOnce(t *testing.T) {
	p := guest(t, " rdinit=/nothing root=/dev/nothing")
	s := exact()
	s.Snapshot = true
	var told bytes.Buffer
	pool, err := NewPool(t.Context(), &s, &told)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	for range 2 {
		_, err := pool.Open(t.Context(), p)
		if boot := (*dut.BootError)(nil); !errors.As(err, &boot) || !strings.Contains(boot.Why, dut.PanicBegins) {
			t.Fatal(err)
		}
	}
	if n := strings.Count(told.String(), "booting once"); n != 1 {
		t.Errorf("booted %d times:\n%s", n, told.String())
	}
}

// TestBootReset: one that resets the machine, likewise.
func TestBootReset(t *testing.T) {
	var boot *dut.BootError
	err := run(t, exact(), guest(t, " rdinit=/nothing root=/dev/nothing panic=-1"), nil)
	if !errors.As(err, &boot) || !strings.Contains(boot.Why, dut.PanicBegins) {
		t.Errorf("%v", err)
	}
}

// TestBootLimit: a boot that takes longer than it is given.
func TestBootLimit(t *testing.T) {
	p := guest(t, "")
	err := run(t, exact(), p, []dut.Trigger{{Name: "limit", When: dut.AtTime, N: 1e9, Do: dut.Stop}})
	var boot *dut.BootError
	if !errors.As(err, &boot) || !strings.Contains(boot.Why, "1s of the machine's time passed") {
		t.Errorf("%v", err)
	}
	// Whoever stops it for a reason of his own gets what he asked for.
	if err := run(t, exact(), p, []dut.Trigger{{Name: "byte", When: dut.AtByte, N: 1000, Do: dut.Stop}}); err != nil {
		t.Errorf("%v", err)
	}
}

// TestBootLook: a panic of the trial is none of the boot, in whatever portions either comes.
func TestBootLook(t *testing.T) {
	armed := []dut.Event{{Code: plan.Armed}}
	for _, c := range []struct {
		name   string
		pieces []string
		events []dut.Event // known with the last piece
		died   bool
	}{
		{"whole", []string{"a\r\nKernel panic - not syncing: x\r\n"}, nil, true},
		{"in two pieces", []string{strings.Repeat("x", 200) + "Kernel panic - no", "t syncing: x\r\n"}, nil, true},
		{"after it was armed", []string{"a\r\n", "Kernel panic - not syncing: x\r\n"}, armed, false},
		{"nothing", []string{"a\r\n", "b\r\n"}, nil, false},
	} {
		log := wire.NewLog(wire.Virtual, wire.Frame{Baud: 115200, Bits: 10})
		b := newBoot()
		for i, piece := range c.pieces {
			if err := log.Append([]byte(piece), make([]int64, len(piece))...); err != nil {
				t.Fatal(err)
			}
			if i < len(c.pieces)-1 {
				b.look(log, nil)
			} else {
				b.look(log, c.events)
			}
		}
		died := false
		select {
		case <-b.died:
			died = true
		default:
		}
		if died != c.died || b.dead != c.died {
			t.Errorf("%s: died %t, %t", c.name, died, b.dead)
		}
	}
}
