package harness

import (
	"context"
	"fmt"
	"path/filepath"

	"lastpage/capture/ring"
	"lastpage/dut"
)

// collect keeps the printk ringbuffer of the stopped machine as ring.elf. A memory in which it cannot be found is a fact about the trial,
// written into RingWhy, not an error: the wire alone can still be graded.
func (t *Trial) collect(ctx context.Context, b *dut.Board) error {
	if t.End == nil {
		return nil // it never ran
	}
	if b.Memory == nil {
		t.RingWhy = "nothing can read this board's memory"
		return nil
	}
	err := saveRing(ctx, b.Memory, filepath.Join(t.dir, RingName))
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		t.RingWhy = fmt.Sprintf("the ringbuffer could not be read: %v", err)
	}
	return nil
}

func saveRing(ctx context.Context, mem dut.Memory, path string) error {
	info, err := ring.FindVMCoreInfo(ctx, mem, mem.Size())
	if err != nil {
		return err
	}
	r, err := ring.Open(ctx, mem, mem.Size(), info)
	if err != nil {
		return err
	}
	return r.SaveCore(ctx, path)
}
