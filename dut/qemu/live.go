// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"lastpage/capture/wire"
	"lastpage/dut"
	"lastpage/dut/child"
	"lastpage/dut/qemu/vuart"
	"lastpage/kernels/plan"
)

// drainEvery is how often the page is emptied while the guest runs. Its ring holds 91 s of wire at 115200 baud: lateness costs nothing, and
// each look at it costs the guest's host time.
const drainEvery = 20 * time.Millisecond

// live is one running machine: the process, what it shares with us, and what came out of it so far. It is the board's dut.Machine.
type live struct {
	machine *Machine
	ram     *RAM
	page    *vuart.Page
	log     *wire.Log
	info    *infoCache

	armed []dut.Trigger
	boot  *boot // under mu while the guest runs

	mu       sync.Mutex
	events   []dut.Event
	messages []plan.Message // of the control channel
	drainErr error
	said     sync.WaitGroup // the reader of the control channel
	once     sync.Once
}

// memory makes the shared memory: blank, or as the snapshot has it, with the wire and events from before the snapshot.
func (l *live) memory(s *Setup, snap *snapshot) (err error) {
	if snap != nil {
		return l.restore(snap)
	}
	if l.ram, err = NewRAM(int64(s.MemMiB) << 20); err != nil {
		return err
	}
	f, err := child.Memfd("lastpage-uart", 0)
	if err != nil {
		return err
	}
	c := vuart.Default()
	if s.Baud > int(c.Base) {
		c.Base = uint32(s.Baud)
	}
	l.page, err = vuart.Init(f, c)
	return err
}

// listen keeps what comes over the control channel until QEMU is gone. Lines that are no messages become errors of the guest, so that
// nothing is lost.
func (l *live) listen(in *os.File, snap *snapshot) {
	if snap != nil {
		l.messages = append(l.messages, snap.said...)
	}
	keep := func(m plan.Message) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.messages = append(l.messages, m)
	}
	l.said.Add(1)
	go func() {
		defer l.said.Done()
		defer in.Close()
		sc := bufio.NewScanner(in)
		sc.Buffer(nil, plan.MaxMessage+2)
		for sc.Scan() {
			m, err := plan.ParseMessage(sc.Bytes())
			if err != nil {
				m = &plan.Message{Event: plan.EventError, Text: err.Error()}
			}
			keep(*m)
		}
		if err := sc.Err(); err != nil {
			keep(plan.Message{Event: plan.EventError, Text: "control channel: " + err.Error()})
		}
	}()
}

// heard is what the guest said so far; all of it once QEMU is gone.
func (l *live) heard() []plan.Message {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.messages)
}

// Arm implements dut.Machine.
func (l *live) Arm(ts []dut.Trigger) error {
	raw, err := convert(ts)
	if err != nil {
		return err
	}
	l.armed = ts
	return l.page.SetTriggers(raw)
}

// Run implements dut.Machine.
func (l *live) Run(ctx context.Context) (dut.End, error) {
	end := dut.End{Firing: -1}
	stop := make(chan struct{})
	var drained sync.WaitGroup
	drained.Add(1)
	go func() {
		defer drained.Done()
		l.drainUntil(stop)
	}()
	err := l.machine.Cont(ctx)
	var why Stop
	if err == nil {
		why, err = l.machine.waitStop(ctx, l.boot.died)
	}
	if errors.Is(err, errDied) {
		err = l.lastWords(ctx)
	}
	close(stop)
	drained.Wait()
	if err = errors.Join(err, l.drainErr); err != nil {
		return end, err
	}
	end.By = "trigger"
	if why.Event != "STOP" {
		end.By = why.Reason
	}
	for i, f := range l.page.Firings(len(l.armed)) {
		if do := l.armed[i].Do; f.Acted && (do == dut.Stop || do == dut.PowerCut) {
			end.Firing = i
		}
	}
	return end, l.bootError(end)
}

// Fired implements dut.Machine.
func (l *live) Fired() []dut.Firing {
	out := make([]dut.Firing, len(l.armed))
	for i, f := range l.page.Firings(len(l.armed)) {
		source := dut.Model
		if l.armed[i].When == dut.AtEvent {
			source = dut.Doorbell
		}
		out[i] = dut.Firing{Name: l.armed[i].Name, Fired: f.Fired, Moment: dut.Moment{NS: f.NS, WireByte: dut.Offset(f.Wire), Source: source}}
	}
	return out
}

func (l *live) drainUntil(stop <-chan struct{}) {
	tick := time.NewTicker(drainEvery)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			l.drain()
			return
		case <-tick.C:
			l.drain()
		}
	}
}

// drain moves what is new in the page into the log and the list of events. Its first error stays.
func (l *live) drain() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.drainErr != nil {
		return
	}
	var bytes []byte
	var ends []int64
	_, err := l.page.Drain(func(recs []vuart.Rec) {
		for _, r := range recs {
			if r.Data() {
				bytes, ends = append(bytes, r.Byte), append(ends, r.EndNS)
			}
		}
	})
	if err == nil {
		err = l.log.Append(bytes, ends...)
	}
	if err == nil {
		_, err = l.page.Events(func(es []vuart.Event) {
			for _, e := range es {
				if e.Kind == vuart.Doorbell {
					ev := dut.Event{Code: plan.Code(e.Code), Arg: e.Arg, NS: e.NS, WireByte: dut.Offset(e.Wire), CPU: int(e.CPU)}
					if e.Writer != 255 {
						cpu := int(e.Writer)
						ev.Writer = &cpu
					}
					l.events = append(l.events, ev)
				}
			}
		})
		l.boot.look(l.log, l.events)
	}
	l.drainErr = err
}

func (l *live) allEvents() []dut.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]dut.Event(nil), l.events...)
}

// audit is the model's account of its own losses. The machine must stand.
func (l *live) audit() dut.Audit {
	s := l.page.Stats()
	sent := int64(s.Wire)
	return dut.Audit{
		Void: append([]string{}, s.Void()...), Sent: &sent, Losses: []string{"uart_overruns", "uart_flushed", "uart_changed", "ring_lost"},
		Figures: map[string]int64{
			"uart_writes": int64(s.Writes), "uart_wire": int64(s.Wire), "uart_overruns": int64(s.Overwritten), "uart_flushed": int64(s.Flushed),
			"uart_cut": int64(s.Cut), "uart_changed": int64(s.Changed), "uart_lsr_reads": int64(s.LSRReads), "uart_baud": int64(s.Baud),
			"uart_frame_ns": s.FrameNS, "uart_timer_late_max_ns": s.LateMaxNS, "ring_lost": int64(s.RecsLost),
			"ff_jumps": int64(s.FF.Jumps), "ff_jumped_ns": int64(s.FF.JumpedNS), "ff_state": int64(s.FFState), "virtual_ns": s.NowNS,
			"solo":       boolean(s.Solo),
			"turns_fair": int64(s.Turns.Fair), "turns_gaps": int64(s.Turns.Gaps), "turns_own_ns": s.Turns.OwnNS,
			"turns_others_ns": s.Turns.OthersNS, "turns_asleep_ns": s.Turns.AsleepNS, "turns_wait_max_ns": s.Turns.WaitNS,
		},
	}
}

func boolean(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// close ends the process; the log is closed when every byte is in it.
func (l *live) close() error {
	l.once.Do(func() {
		l.machine.Close()
		l.said.Wait()
		l.drain()
		l.log.Close(nil)
		l.free()
	})
	return l.drainErr
}

// free releases whatever launch had got hold of.
func (l *live) free() {
	if l.machine != nil {
		l.machine.Close()
	}
	if l.page != nil {
		l.page.Close()
	}
	if l.ram != nil {
		l.ram.Close()
	}
}

// Can says whether a board of this kind can do what triggers ask: nil, or a *dut.CannotError.
func Can(board string, ts []dut.Trigger) error {
	if _, err := convert(ts); err != nil {
		return &dut.CannotError{Board: board, What: "what the trial asks", Why: err.Error()}
	}
	if len(ts) > vuart.MaxTriggers {
		return &dut.CannotError{Board: board, What: fmt.Sprintf("%d triggers", len(ts)), Why: fmt.Sprintf("the UART model has room for %d", vuart.MaxTriggers)}
	}
	return nil
}

// convert puts the board's triggers into the model's terms.
func convert(ts []dut.Trigger) ([]vuart.Trigger, error) {
	after, err := dut.Order(ts)
	if err != nil {
		return nil, err
	}
	kinds := map[dut.When]vuart.Kind{dut.AtByte: vuart.AtByte, dut.AtTime: vuart.AtTime, dut.AtEvent: vuart.AtEvent,
		dut.AtPattern: vuart.AtPattern, dut.AtQuiet: vuart.AtQuiet, dut.AtSymbol: vuart.AtSymbol}
	actions := map[dut.Do]vuart.Action{dut.Note: vuart.None, dut.NMI: vuart.NMI, dut.Send: vuart.Send, dut.Stop: vuart.Stop,
		dut.PowerCut: vuart.PowerCut, dut.Reset: vuart.DoReset}
	out := make([]vuart.Trigger, len(ts))
	for i, t := range ts {
		kind, ok := kinds[t.When]
		action, ok2 := actions[t.Do]
		if !ok || !ok2 {
			return nil, fmt.Errorf("trigger %s: no condition %q or action %q", t.Name, t.When, t.Do)
		}
		v := vuart.Trigger{Kind: kind, N: t.N, Code: uint8(t.Code), Pattern: []byte(t.Text), VAddr: t.Addr, After: after[i] + 1,
			Relative: after[i] >= 0, Delay: t.Delay, Action: action}
		if t.Break {
			v.RX = append(v.RX, vuart.Key{Flags: vuart.RXBreak})
		}
		for _, c := range []byte(t.Bytes) {
			v.RX = append(v.RX, vuart.Key{Byte: c})
		}
		out[i] = v
	}
	return out, nil
}

// turn tells the guest its knobs. The machine must stand.
func (l *live) turn(k dut.Knobs) {
	l.page.SetKnob(k.PhaseUS)
	l.page.SetCourse(k.Course)
}
