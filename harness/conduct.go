// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"lastpage/capture/ring"
	"lastpage/capture/wire"
	"lastpage/dut"
	"lastpage/kernels/plan"
)

// Conduct opens a board for an order, runs the trial on it, and grades what came of it.
//
// With a folder it leaves it complete, void, or marked unfinished; the folder must not be there. Without one (dir is "") nothing is left
// behind: the grade is made of the wire and the ring in memory, by the same code that grades a folder.
//
// An error is never the kernel's fault but for a *dut.BootError; it means that the lab failed, or that the board cannot do what was asked
// (*dut.CannotError). The folder then holds whatever was captured.
func Conduct(ctx context.Context, bench Bench, o *Order, dir string) (*Trial, error) {
	b, err := bench.Open(ctx, o)
	if failed := (*dut.BoardError)(nil); errors.As(err, &failed) { // which names the board
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("open board %s: %w", o.Board, err)
	}
	defer b.Close()
	t := &Trial{Schema: TrialSchema, Status: Unfinished, Order: *o, Made: Version(), Started: time.Now().UTC(), Clock: b.Wire.Clock(),
		Mode: b.Mode, Start: b.Start, Facts: b.Facts, Void: []string{}, dir: dir}
	if dir == "" {
		return t, t.inMemory(ctx, b)
	}
	return t, t.inFolder(ctx, b)
}

// inMemory runs the trial and grades it without a file.
func (t *Trial) inMemory(ctx context.Context, b *dut.Board) error {
	err := t.play(ctx, b)
	var rl *ring.Log
	if err == nil {
		rl = t.readRing(ctx, b)
	}
	err = errors.Join(err, ctx.Err(), b.Close())
	t.hear(b)
	if err = t.bootOr(b, err); err != nil {
		return fmt.Errorf("trial: %w", err)
	}
	t.judge(b.Wire)
	in := t.input(b.Wire, rl, t.RingWhy)
	in.WireFinished = true
	t.Grade = t.make(in)
	t.Status = Finished
	return nil
}

// inFolder runs the trial, keeps its evidence, and grades it from there.
func (t *Trial) inFolder(ctx context.Context, b *dut.Board) error {
	// What cannot be written is said before anything else that follows from it.
	if err := os.MkdirAll(filepath.Dir(t.dir), 0o755); err != nil {
		return fmt.Errorf("trial %s: %w", t.dir, err)
	}
	if err := os.Mkdir(t.dir, 0o755); err != nil {
		return fmt.Errorf("trial: %w (a trial never writes over another)", err)
	}
	if err := t.save(); err != nil {
		return err
	}
	w, err := wire.Create(t.dir, b.Wire.Clock(), t.Order.Frame)
	if err != nil {
		return fmt.Errorf("trial %s: %w", t.dir, err)
	}
	// A tap that cannot write ends the trial: nothing that follows would be evidence.
	running, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	taped := make(chan error, 1)
	go func() {
		err := tap(ctx, b.Wire, w)
		if err != nil {
			stop(err)
		}
		taped <- err
	}()
	runErr := t.play(running, b)
	// The machine's memory is read before anything is taken down; the wire ends when the machine does.
	var dumpErr error
	if runErr == nil {
		dumpErr = t.dump(running, b)
	}
	closeErr := b.Close()
	tapErr := <-taped
	t.hear(b)
	err = errors.Join(tapErr, ctx.Err()) // the first cause first
	if err == nil {
		err = errors.Join(runErr, dumpErr, closeErr)
	}
	if err = t.bootOr(b, err); err != nil {
		return fmt.Errorf("trial %s: %w", t.dir, err)
	}
	t.judge(b.Wire)
	now := time.Now().UTC()
	t.Status, t.Finished = Finished, &now
	// Saved before it is graded: grading reads the folder, and a trial that cannot be graded is still whole evidence.
	if err := t.save(); err != nil {
		return err
	}
	if err := t.regrade(ctx); err != nil {
		return err
	}
	return t.save()
}

// play lets the board run to its end, and notes what it cannot do or tell.
func (t *Trial) play(ctx context.Context, b *dut.Board) error {
	switch {
	case b.Turn != nil:
		b.Turn(dut.Knobs{PhaseUS: t.Order.PhaseUS, Course: t.Order.Course.Word()})
	case t.Order.PhaseUS > 0 || t.Order.Course.Word() != 0:
		t.lacks("the provocation cannot be delayed here: its phase and its course are left to chance")
	}
	p, err := dut.Play(ctx, b, t.Order.Triggers)
	if err != nil {
		return err
	}
	t.End, t.Fired, t.Events = &p.End, p.Fired, p.Events
	if b.Events == nil {
		t.lacks("no doorbell: nothing is known of what the guest did between its lines")
	}
	if p.Audit == nil {
		t.lacks("nothing accounts for the bytes between the UART and the capture")
		return nil
	}
	t.Audit = *p.Audit
	return nil
}

// dump keeps the printk ringbuffer of the stopped machine. One that cannot be had is a fact about the trial, written into RingWhy, not an
// error: the wire alone can still be graded.
func (t *Trial) dump(ctx context.Context, b *dut.Board) error {
	if b.Dump == nil {
		t.RingWhy = noDump
		return nil
	}
	err := b.Dump(ctx, t.dir)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	// What cannot be written is the lab's fault, and says nothing about the machine's memory.
	var path *fs.PathError
	if errors.As(err, &path) && strings.HasPrefix(path.Path, t.dir) {
		return err
	}
	if err != nil {
		t.RingWhy = fmt.Sprintf("the ringbuffer could not be read: %v", err)
	}
	return nil
}

const noDump = "nothing can read this board's memory"

// readRing is the same without a file, where the board can do without.
func (t *Trial) readRing(ctx context.Context, b *dut.Board) *ring.Log {
	read := b.Ring
	switch {
	case b.Ring != nil:
	case b.Dump == nil:
		t.RingWhy = noDump
		return nil
	default:
		read = func(ctx context.Context) (*ring.Log, error) { return throughFile(ctx, b) }
	}
	rl, err := read(ctx)
	if err != nil {
		t.RingWhy = fmt.Sprintf("the ringbuffer could not be read: %v", err)
	}
	return rl
}

// throughFile dumps into a folder that is gone afterwards.
func throughFile(ctx context.Context, b *dut.Board) (*ring.Log, error) {
	dir, err := os.MkdirTemp("", "lastpage-dump-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := b.Dump(ctx, dir); err != nil {
		return nil, err
	}
	if text := filepath.Join(dir, RingText); Exists(text) {
		return ring.Load(ctx, text, ring.LoadOptions{})
	}
	core, err := ring.OpenCore(filepath.Join(dir, dut.DumpName))
	if err != nil {
		return nil, err
	}
	defer core.Close()
	return core.Log(ctx)
}

// hear takes what the guest said over the second channel, which is complete once the board is closed.
func (t *Trial) hear(b *dut.Board) {
	if b.Said == nil {
		t.lacks("no second channel: nothing is known of the guest's settings")
		return
	}
	t.heard = true
	for _, m := range b.Said() {
		if m.Event == plan.EventArmed && t.Armed == nil {
			armed := m
			t.Armed = &armed
			continue
		}
		t.Said = append(t.Said, m)
	}
}

// lacks notes a capability that the board does not have.
func (t *Trial) lacks(what string) { t.Lacks = append(t.Lacks, what) }

// bootOr is err, or what it comes from: a kernel that died before it was armed. That is the kernel's doing on every kind of board, unless
// the board may have killed it: then the trial is void.
func (t *Trial) bootOr(b *dut.Board, err error) error {
	var boot *dut.BootError
	if err == nil {
		boot = t.neverArmed(b)
	} else if !errors.As(err, &boot) {
		return err
	}
	switch {
	case boot == nil:
		return nil
	case b.BootDoubt != "":
		t.Void = append(t.Void, fmt.Sprintf("%s before it was armed, %s; it may be the board's doing: %s", boot.Why, boot.LastWords(), b.BootDoubt))
		t.unarmed = true
		return nil
	}
	return boot
}

// neverArmed looks at a machine that has ended and was never provoked: whether its kernel had died.
func (t *Trial) neverArmed(b *dut.Board) *dut.BootError {
	if _, provoked := t.fired(trigProvoke); provoked || t.Armed != nil || t.Order.Plan == nil {
		return nil
	}
	console := b.Wire.Bytes(b.Wire.Start(), b.Wire.Len())
	if at, line := dut.Death(console); at >= 0 {
		return dut.NewBootError("the kernel died ("+line+")", console)
	}
	if len(console) == 0 || t.End == nil || !t.heard { // a board that never said a word may have no cable
		return nil
	}
	why := "the machine ended by " + t.End.By
	if t.End.By == "trigger" {
		why = "the time of its trial was over"
	}
	for _, m := range t.Said {
		if m.Event == plan.EventError {
			why = fmt.Sprintf("the guest could not do what was asked (%s)", m.Text)
		}
	}
	boot := dut.NewBootError(why, console)
	boot.Doubt = true
	return boot
}
