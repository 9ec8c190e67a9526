// SPDX-License-Identifier: Apache-2.0

package bridge

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	tn "lastpage/capture/telnet"
	"lastpage/dut/qemu/vuart"
)

// fakePort is a UART whose guest the test plays.
type fakePort struct {
	mu     sync.Mutex
	out    []vuart.Rec // not yet drained
	got    []vuart.RX
	inputs []uint8
	stats  vuart.Stats
	free   int
	unread int // of a receiver of 16
}

func newFake() *fakePort {
	return &fakePort{free: 1 << 20, stats: vuart.Stats{Baud: 9600, LCR: 0x1a}}
}

func (f *fakePort) Drain(use func([]vuart.Rec)) (int, error) {
	f.mu.Lock()
	out := f.out
	f.out = nil
	f.mu.Unlock()
	if len(out) > 0 {
		use(out)
	}
	return len(out), nil
}

func (f *fakePort) PushRX(items ...vuart.RX) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(items) > f.free {
		return vuart.ErrFull
	}
	f.got = append(f.got, items...)
	return nil
}

func (f *fakePort) RXFree() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.free
}

func (f *fakePort) RXUnread() (unread, depth int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.unread, 16
}

func (f *fakePort) SetInputs(v uint8) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.inputs = append(f.inputs, v)
}

func (f *fakePort) Stats() vuart.Stats {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stats
}

// prints is the guest sending text, or recs as they are.
func (f *fakePort) prints(text string, recs ...vuart.Rec) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range []byte(text) {
		f.out = append(f.out, vuart.Rec{Byte: c})
	}
	f.out = append(f.out, recs...)
}

func (f *fakePort) setWire(n uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stats.Wire = n
}

func (f *fakePort) setMCR(v uint8) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stats.MCR = v
}

// await returns when the guest has got what ok wants.
func (f *fakePort) await(t *testing.T, what string, ok func([]vuart.RX, []uint8) bool) {
	t.Helper()
	for range 20000 {
		f.mu.Lock()
		done := ok(f.got, f.inputs)
		f.mu.Unlock()
		if done {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("%s: the guest got %d items, %.10v, inputs %v", what, len(f.got), f.got[:min(10, len(f.got))], f.inputs)
}

func received(text string) func([]vuart.RX, []uint8) bool {
	return func(got []vuart.RX, _ []uint8) bool {
		var b []byte
		for _, g := range got {
			b = append(b, g.Byte)
		}
		return string(b) == text
	}
}

func start(t *testing.T, f *fakePort, tap func([]vuart.Rec)) (*Bridge, context.Context) {
	b := New(f, tap)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- b.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return b, ctx
}

func dial(t *testing.T, a net.Addr) net.Conn {
	t.Helper()
	c, err := net.Dial(a.Network(), a.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// connected returns when n viewers are.
func connected(b *Bridge, n int) {
	for {
		b.mu.Lock()
		k := len(b.viewers)
		b.mu.Unlock()
		if k == n {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

func expect(t *testing.T, r io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(r, got); err != nil || string(got) != want {
		t.Fatalf("got %d bytes %.100q (%v), want %.100q", n, got[:n], err, want)
	}
}

func TestRawTCP(t *testing.T) {
	f := newFake()
	var tapped bytes.Buffer
	b, ctx := start(t, f, func(rs []vuart.Rec) { tapped.Write(text(rs)) })
	addr, err := b.ListenTCP(ctx, ":0")
	if err != nil {
		t.Fatal(err)
	}
	if !addr.(*net.TCPAddr).IP.IsLoopback() {
		t.Errorf("listens on %v without being asked", addr)
	}
	one, two := dial(t, addr), dial(t, addr)
	connected(b, 2)
	f.prints("hello\xff", vuart.Rec{Byte: 'x', Flags: vuart.Masked}, vuart.Rec{Flags: vuart.Break}, vuart.Rec{Byte: 'y', Flags: vuart.Cut}, vuart.Rec{Byte: '!'})
	expect(t, one, "hello\xff!")
	expect(t, two, "hello\xff!")
	if _, err := one.Write([]byte("root\r\xff")); err != nil {
		t.Fatal(err)
	}
	f.await(t, "raw bytes", received("root\r\xff"))
	if tapped.String() != "hello\xff!" {
		t.Errorf("tap %q", tapped.String())
	}
}

// TestQueueFull: the guest takes two at a time; nothing is lost, and nothing is taken that has no room.
func TestQueueFull(t *testing.T) {
	f := newFake()
	f.free = 2
	b, ctx := start(t, f, nil)
	addr, err := b.ListenTCP(ctx, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := dial(t, addr)
	want := strings.Repeat("0123456789", 50)
	if _, err := io.WriteString(c, want); err != nil {
		t.Fatal(err)
	}
	f.await(t, "slow guest", received(want))
}

// TestRoom: a guest that has unread characters gets no more than its receiver holds, unless full rate is asked for.
func TestRoom(t *testing.T) {
	for _, full := range []bool{false, true} {
		f := newFake()
		f.unread = 14
		b := New(f, nil)
		b.FullRate = full
		want := 2
		if full {
			want = 100
		}
		if err := b.queueBytes(t.Context(), bytes.Repeat([]byte("x"), 100)); err != nil {
			t.Fatal(err)
		}
		if err := b.step(); err != nil {
			t.Fatal(err)
		}
		if len(f.got) != want || len(b.waiting) != 100-want {
			t.Errorf("full rate %v: %d sent, %d wait, want %d sent", full, len(f.got), len(b.waiting), want)
		}
		f.unread = 17
		if err := b.step(); err != nil {
			t.Fatal(err)
		}
		if len(f.got) != want {
			t.Errorf("full rate %v: %d sent into a full receiver", full, len(f.got)-want)
		}
	}
}

func TestPTY(t *testing.T) {
	f := newFake()
	b, ctx := start(t, f, nil)
	p, err := b.OpenPTY(ctx)
	if err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile(p.Path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer tty.Close()
	all := make([]byte, 0, 256)
	for i := range 256 {
		all = append(all, byte(i))
	}
	f.prints(string(all))
	expect(t, tty, string(all)) // no line discipline on the way
	if _, err := tty.Write(all); err != nil {
		t.Fatal(err)
	}
	f.await(t, "all bytes", received(string(all)))
	// Nobody reads: the guest goes on, and the loss is counted.
	f.prints(strings.Repeat("x", 100_000))
	for p.Lost() == 0 {
		time.Sleep(time.Millisecond)
	}
}

// TestSlowViewer: he is dropped, the other one sees everything.
func TestSlowViewer(t *testing.T) {
	f := newFake()
	b, ctx := start(t, f, nil)
	addr, err := b.ListenTCP(ctx, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	good, slow := dial(t, addr), dial(t, addr)
	_ = slow.(*net.TCPConn).SetReadBuffer(4096)
	connected(b, 2)
	line := strings.Repeat("y", 16<<10)
	for range 160 {
		f.prints(line)
		expect(t, good, line)
	}
	connected(b, 1)
}

func TestTelnet(t *testing.T) {
	f := newFake()
	b, ctx := start(t, f, nil)
	addr, err := b.ListenTelnet(ctx, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := dial(t, addr)
	expect(t, c, "\xff\xfb\x00\xff\xfd\x00\xff\xfb\x03\xff\xfb\x01\xff\xfd\x2c")
	connected(b, 1)
	f.prints("a\xffb", vuart.Rec{Flags: vuart.Break}, vuart.Rec{Byte: 'c'})
	expect(t, c, "a\xff\xffb\xff\xf3c")
	// A BREAK, and an option that we do not have.
	if _, err := c.Write([]byte("x\xff\xff\xff\xf3h\xff\xfb\x18")); err != nil {
		t.Fatal(err)
	}
	expect(t, c, "\xff\xfe\x18")
	f.await(t, "BREAK", func(got []vuart.RX, _ []uint8) bool {
		return len(got) == 4 && got[1].Byte == 0xff && got[2].Flags == vuart.RXBreak && got[3].Byte == 'h'
	})
}

func TestRFC2217(t *testing.T) {
	f := newFake()
	b, ctx := start(t, f, nil)
	addr, err := b.ListenTelnet(ctx, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := dial(t, addr)
	expect(t, c, "\xff\xfb\x00\xff\xfd\x00\xff\xfb\x03\xff\xfb\x01\xff\xfd\x2c")
	connected(b, 1)
	say := func(payload ...byte) {
		t.Helper()
		if _, err := c.Write(tn.Subnegotiation(tn.ComPort, payload...)); err != nil {
			t.Fatal(err)
		}
	}
	hear := func(payload ...byte) {
		t.Helper()
		expect(t, c, string(tn.Subnegotiation(tn.ComPort, payload...)))
	}
	say(tn.SetBaud, 0, 1, 0xc2, 0)        // without WILL, and before the guest has sent anything
	hear(tn.FromServer+tn.NotifyModem, 0) // nor raised
	hear(tn.FromServer+tn.SetBaud, 0, 1, 0xc2, 0)
	f.setWire(1)
	say(tn.SetBaud, 0, 1, 0xc2, 0) // 115200 is asked for, the guest has 9600
	hear(tn.FromServer+tn.SetBaud, 0, 0, 0x25, 0x80)
	say(tn.SetDataSize, 8)
	hear(tn.FromServer+tn.SetDataSize, 7)
	say(tn.SetParity, 1)
	hear(tn.FromServer+tn.SetParity, 3)
	say(tn.SetStopSize, 0)
	hear(tn.FromServer+tn.SetStopSize, 1)
	say(tn.Signature)
	hear(append([]byte{tn.FromServer + tn.Signature}, "lastpage"...)...)
	say(tn.SetControl, tn.ControlDTROff)
	hear(tn.FromServer+tn.SetControl, tn.ControlDTROff)
	say(tn.SetControl, tn.ControlRTSOff)
	hear(tn.FromServer+tn.SetControl, tn.ControlRTSOff)
	f.await(t, "lines", func(_ []vuart.RX, in []uint8) bool { return slices.Equal(in, []uint8{vuart.CTS, 0}) })
	say(tn.SetControl, tn.ControlBreakOn)
	hear(tn.FromServer+tn.SetControl, tn.ControlBreakOn)
	time.Sleep(20 * time.Millisecond)
	say(tn.SetControl, tn.ControlBreak)
	hear(tn.FromServer+tn.SetControl, tn.ControlBreak)
	f.await(t, "BREAK", func(got []vuart.RX, _ []uint8) bool {
		return len(got) == 1 && got[0].Flags == vuart.RXBreak && got[0].Dur >= 20*time.Millisecond
	})
	f.setMCR(3) // the guest raises DTR and RTS
	hear(tn.FromServer+tn.NotifyModem, vuart.CTS|vuart.DSR|vuart.DCD|0x0b)
	f.setMCR(1)
	hear(tn.FromServer+tn.NotifyModem, vuart.DSR|vuart.DCD|1)
	say(tn.NotifyModem)
	hear(tn.FromServer+tn.NotifyModem, vuart.DSR|vuart.DCD)
	say(tn.SetLineMask, 0x10)
	hear(tn.FromServer+tn.SetLineMask, 0x10)
	f.prints("", vuart.Rec{Flags: vuart.Break})
	hear(tn.FromServer+tn.NotifyLine, tn.LineBreak)
}
