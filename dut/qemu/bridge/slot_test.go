// SPDX-License-Identifier: Apache-2.0

package bridge

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"lastpage/dut/qemu/vuart"
)

// looked is a slot that counts how often it is looked at.
type looked struct {
	Slot
	n atomic.Int64
}

func (l *looked) Drain(f func([]vuart.Rec)) (int, error) {
	l.n.Add(1)
	return l.Slot.Drain(f)
}

// watcher is a viewer that notes the modem lines.
type watcher struct{ dtr atomic.Bool }

func (w *watcher) frames([]vuart.Rec) bool { return true }

func (w *watcher) outputs(dtr, _ bool) bool {
	w.dtr.Store(dtr)
	return true
}

// A machine without power is not looked at, its lines fall, and what is typed meanwhile is gone; the next one is attended as the first was.
func TestSlotWithoutPower(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		l, w := new(looked), new(watcher)
		b := New(l, nil)
		b.add(w)
		done := make(chan error)
		go func() { done <- b.Run(ctx) }()
		for _, text := range []string{"first", "second"} {
			time.Sleep(time.Second)
			if err := b.queueBytes(ctx, []byte("to nobody")); err != nil {
				t.Fatal(err)
			}
			before := l.n.Load()
			time.Sleep(time.Hour)
			if n := l.n.Load(); n != before {
				t.Errorf("it was looked at %d times without power", n-before)
			}
			f := newFake()
			f.setMCR(1)
			l.Plug(f)
			if err := b.queueBytes(ctx, []byte(text)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			if got := typed(f); got != text {
				t.Errorf("the guest got %q, want %q", got, text)
			}
			if !w.dtr.Load() {
				t.Error("DTR is not told")
			}
			l.Unplug(ctx)
			time.Sleep(time.Second)
			if w.dtr.Load() {
				t.Error("DTR stays without power")
			}
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// typed is what came to the guest.
func typed(f *fakePort) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var text []byte
	for _, i := range f.got {
		text = append(text, i.Byte)
	}
	return string(text)
}
