// SPDX-License-Identifier: Apache-2.0

package bridge

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"lastpage/capture/port"
	"lastpage/capture/wire"
	"lastpage/dut/qemu/vuart"
)

// capturing runs lastpage's own client on the bridge.
func capturing(t *testing.T, cfg port.Config) (p *port.Port, stop func() *port.Report) {
	t.Helper()
	p, err := port.Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan *port.Report, 1)
	go func() {
		r, err := p.Run(ctx, nil)
		if err != nil {
			t.Error(err)
		}
		done <- r
	}()
	return p, func() *port.Report { cancel(); return <-done }
}

// Every byte, BREAK and modem line of the guest reaches a capture by RFC 2217, and what the capture types reaches the guest.
func TestCaptureByRFC2217(t *testing.T) {
	f := newFake() // at 9600, 7E1
	f.stats.LCR = 3
	f.setMCR(3)
	f.setWire(1)
	b, ctx := start(t, f, nil)
	addr, err := b.ListenTelnet(ctx, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p, stop := capturing(t, port.Config{Name: "rfc2217://" + addr.String(), Baud: 9600})
	if c := p.Caps(); !c.Break || !c.Rate || !c.Counters || !c.Write {
		t.Errorf("%+v", c)
	}
	all := make([]byte, 0, 512)
	for i := range 512 {
		all = append(all, byte(i))
	}
	f.prints(string(all), vuart.Rec{Flags: vuart.Break})
	f.prints("after")
	wait, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := p.Log().Wait(wait, 517); err != nil {
		t.Fatal(err)
	}
	if got := p.Log().Bytes(0, 600); string(got) != string(all)+"after" {
		t.Errorf("%q", got)
	}
	if m := p.Log().Marks(); len(m) != 1 || m[0].Kind != wire.MarkBreak || m[0].Off != 512 {
		t.Errorf("marks %+v", m)
	}
	if err := p.Write(wait, []byte("root\r\xff")); err != nil {
		t.Fatal(err)
	}
	f.await(t, "typed bytes", received("root\r\xff"))
	if err := p.Break(wait, time.Millisecond); err != nil {
		t.Fatal(err)
	}
	f.await(t, "BREAK", func(got []vuart.RX, _ []uint8) bool {
		return slices.ContainsFunc(got, func(r vuart.RX) bool { return r.Flags&vuart.RXBreak != 0 })
	})
	r := stop()
	if r.Baud != 9600 || !r.HasCounters || r.Counted.Break != 1 || len(r.Void) != 0 {
		t.Errorf("%+v", r)
	}
}

// The guest alone decides rate and format: a capture that asked for others says so.
func TestCaptureOfAnotherRate(t *testing.T) {
	f := newFake() // 9600, 7E1
	f.setWire(1)
	b, ctx := start(t, f, nil)
	addr, err := b.ListenTelnet(ctx, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p, stop := capturing(t, port.Config{Name: "rfc2217://" + addr.String(), Baud: 115200})
	f.prints("x")
	if err := p.Log().Wait(ctx, 1); err != nil {
		t.Fatal(err)
	}
	time.Sleep(1200 * time.Millisecond) // a look at the port is due within a second
	r := stop()
	if got := strings.Join(r.Void, "|"); r.Baud != 9600 || !strings.Contains(got, "115200 baud were asked for, 9600 are set") || !strings.Contains(got, "parity") {
		t.Errorf("%+v", r)
	}
}

func TestCaptureByTelnet(t *testing.T) {
	f := newFake()
	b, ctx := start(t, f, nil)
	addr, err := b.ListenTelnet(ctx, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p, stop := capturing(t, port.Config{Name: "telnet://" + addr.String()})
	f.prints("a\r\x00b\xff", vuart.Rec{Flags: vuart.Break})
	f.prints("c")
	if err := p.Log().Wait(ctx, 6); err != nil {
		t.Fatal(err)
	}
	if got := p.Log().Bytes(0, 9); string(got) != "a\r\x00b\xffc" {
		t.Errorf("%q", got)
	}
	if m := p.Log().Marks(); len(m) != 1 || m[0].Kind != wire.MarkBreak || m[0].Off != 5 {
		t.Errorf("marks %+v", m)
	}
	if err := p.Break(ctx, 0); err != nil {
		t.Fatal(err)
	}
	f.await(t, "BREAK", func(got []vuart.RX, _ []uint8) bool {
		return slices.ContainsFunc(got, func(r vuart.RX) bool { return r.Flags&vuart.RXBreak != 0 })
	})
	if r := stop(); len(r.Void) != 0 || len(r.Unseen) == 0 {
		t.Errorf("%+v", r)
	}
}
