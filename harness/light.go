package harness

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"lastpage/capture/ring"
	"lastpage/dut"
	"lastpage/harness/grade"
	"lastpage/kernels/plan"
)

// light conducts trials that leave nothing behind: the ringbuffer is decoded out of the board's memory and the grade is made of the wire
// in memory, by the same code that grades a folder. It may be used by several goroutines.
type light struct {
	mu    sync.Mutex
	start string // where the boards of info begin
	info  *ring.VMCoreInfo
}

// conduct runs one trial on an opened board and closes it.
func (l *light) conduct(ctx context.Context, asked Asked, b *dut.Board) (*Trial, error) {
	t := &Trial{Schema: TrialSchema, Status: Unfinished, Asked: asked, Started: time.Now().UTC(), Clock: b.Wire.Clock(), Facts: b.Facts, Void: []string{}}
	said := make(chan []plan.Message, 1)
	go func() { said <- listen(b.Control) }()
	err := t.play(ctx, b)
	var rl *ring.Log
	if err == nil {
		var why error
		if rl, why = l.ring(ctx, b); why != nil {
			t.RingWhy = fmt.Sprintf("the ringbuffer could not be read: %v", why)
		}
	}
	err = errors.Join(err, ctx.Err(), b.Close())
	t.hear(<-said)
	if err != nil {
		return t, fmt.Errorf("trial: %w", err)
	}
	t.judge()
	in := t.input(b.Wire, rl, t.RingWhy)
	in.WireFinished = true
	t.Grade = grade.Make(in)
	t.Status = Finished
	return t, nil
}

// ring decodes the ringbuffer of a board that stands. Boards that begin at one snapshot have their VMCOREINFO in common.
func (l *light) ring(ctx context.Context, b *dut.Board) (*ring.Log, error) {
	if b.Memory == nil {
		return nil, errors.New("nothing can read this board's memory")
	}
	start := b.Facts["start"]
	l.mu.Lock()
	info := l.info
	if l.start != start {
		info = nil
	}
	l.mu.Unlock()
	if info != nil {
		return ring.Decode(ctx, b.Memory, b.Memory.Size(), info)
	}
	info, err := ring.FindVMCoreInfo(ctx, b.Memory, b.Memory.Size())
	if err != nil {
		return nil, err
	}
	if start != "boot" { // with KASLR each boot has its own
		l.mu.Lock()
		l.start, l.info = start, info
		l.mu.Unlock()
	}
	return ring.Decode(ctx, b.Memory, b.Memory.Size(), info)
}
