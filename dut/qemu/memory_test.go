// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lastpage/capture/wire"
	"lastpage/dut"
	"lastpage/kernels/plan"
)

// TestFastForwardLeavesTheSameMachine: a kernel that panicked waits, on all its CPUs. Whether that is carried out or
// left out, the wire is the same to the nanosecond, and the guest's memory to the last byte.
func TestFastForwardLeavesTheSameMachine(t *testing.T) {
	s := exact()
	s.CPUs, s.FastForward, s.Snapshot = 2, true, true
	p := guest(t, " unknown_nmi_panic")
	bench, err := NewPool(t.Context(), &s, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer bench.Close()
	snap, err := bench.snapshot(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(snap.ram.file.Fd()), &st); err != nil || 2*512*st.Blocks > st.Size {
		t.Errorf("the snapshot takes %d of %d MiB, %v; the guest touched a tenth", 512*st.Blocks>>20, st.Size>>20, err)
	}
	bench.release(snap)
	for _, nmi := range []int64{700} {
		fast, jumped := ending(t, &s, bench.Open, p, nmi)
		plain, none := ending(t, &s, bench.OpenPlain, p, nmi)
		if fast != plain {
			t.Errorf("NMI at byte %d: left out:    %s\ncarried out: %s", nmi, fast, plain)
		}
		if jumped <= none || jumped < int64(panicWait)/2 {
			t.Errorf("NMI at byte %d: %d ns were left out, %d where none should be", nmi, jumped, none)
		}
		if bench.snaps[0].copied {
			continue
		}
		bench.snaps[0].copied = true // as on a machine that lets nobody read a child's memory
		if copied, _ := ending(t, &s, bench.Open, p, nmi); copied != fast {
			t.Errorf("NMI at byte %d: memory of its own: %s\na copy: %s", nmi, fast, copied)
		}
	}
}

// panicWait is how long the dead kernel is let wait.
const panicWait = 200 * time.Millisecond

// ending is all that there is to know of a trial's end: its time, the wire with its times, and the guest's memory.
func ending(t *testing.T, s *Setup, open func(context.Context, Payload) (*dut.Board, error), p Payload, nmi int64) (digest string, jumped int64) {
	t.Helper()
	b, err := open(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	begun := b.Audit().Figures["ff_jumped_ns"]
	end, err := dut.Play(t.Context(), b, []dut.Trigger{
		{Name: "begin", When: dut.AtEvent, Code: plan.BacklogBegin, N: 1, Do: dut.Note},
		{Name: "nmi", When: dut.AtByte, N: nmi, After: "begin", Do: dut.NMI},
		{Name: "over", When: dut.AtPattern, Text: dut.PanicEnds, After: "nmi", Do: dut.Note},
		{Name: "drained", When: dut.AtQuiet, N: int64(panicWait), After: "over", Do: dut.Stop},
		{Name: "silent", When: dut.AtQuiet, N: int64(15 * time.Second), After: "begin", Do: dut.Stop},
	})
	if err != nil {
		t.Fatal(err)
	}
	if end.End.Firing != 3 {
		t.Fatalf("the trial ended by %+v", end.End)
	}
	l, memory := b.Machine.(*live), sha256.New()
	if n, err := io.Copy(memory, io.NewSectionReader(l.ram, 0, l.ram.Size())); err != nil || n != int64(s.MemMiB)<<20 {
		t.Fatalf("%d bytes of memory: %v", n, err)
	}
	return fmt.Sprintf("fired %+v, wire %x, memory %x", end.Fired, sum(b.Wire), memory.Sum(nil)), b.Audit().Figures["ff_jumped_ns"] - begun
}

func sum(l *wire.Log) []byte {
	h := sha256.New()
	h.Write(l.Bytes(0, l.Len()))
	for i := range l.Len() {
		ns, _ := l.TimeAt(i)
		fmt.Fprintln(h, ns)
	}
	return h.Sum(nil)
}
