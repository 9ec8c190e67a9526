// SPDX-License-Identifier: Apache-2.0

package bridge

import (
	"bytes"
	"context"
	"encoding/binary"
	"sync/atomic"
	"time"

	tn "lastpage/capture/telnet"
	"lastpage/dut/qemu/vuart"
)

// What a client may ask of the modem lines and of BREAK, beside setting them (RFC 2217, section 2).
const (
	ctlBreakState = 4
	ctlDTRState   = 7
	ctlRTSState   = 10
)

// telnet speaks RFC 2217 to a client that does, and plain telnet to others. The guest alone decides rate and format, as a far end cannot set
// them on a real line either; a client that sets them is told the guest's.
type telnet struct {
	c      *conn
	parser tn.Parser
	agreed map[[2]byte]bool // verb and option that we have answered: no loops

	// Read by the bridge while the reader goes on.
	com       atomic.Bool // the client speaks RFC 2217
	lineMask  atomic.Uint32
	modemMask atomic.Uint32
	modem     atomic.Uint32 // as last told: MSR bits

	dtr, rts   bool // of the client's
	breakSince time.Time
}

func newTelnet(c *conn) *telnet {
	t := &telnet{c: c, agreed: map[[2]byte]bool{}, dtr: true, rts: true}
	t.modemMask.Store(0xff)
	return t
}

func (t *telnet) greet() {
	for _, n := range [][2]byte{{tn.WILL, tn.Binary}, {tn.DO, tn.Binary}, {tn.WILL, tn.SGA}, {tn.WILL, tn.Echo}, {tn.DO, tn.ComPort}} {
		t.agreed[n] = true
		t.c.put([]byte{tn.IAC, n[0], n[1]})
	}
}

func (t *telnet) received(ctx context.Context, b []byte) error {
	var failed error
	fail := func(err error) {
		if failed == nil {
			failed = err
		}
	}
	t.parser.Feed(b, func(data []byte) { fail(t.c.bridge.queueBytes(ctx, data)) }, func(c tn.Command) { fail(t.command(ctx, c)) })
	return failed
}

func (t *telnet) command(ctx context.Context, c tn.Command) error {
	switch c.Verb {
	case tn.BRK:
		return t.c.bridge.Break(ctx, 0)
	case tn.WILL, tn.DO:
		t.negotiate(c)
	case tn.SB:
		if c.Option == tn.ComPort && len(c.Sub) > 0 {
			t.speaks()
			return t.comPort(ctx, c.Sub[0], c.Sub[1:])
		}
	}
	return nil
}

// negotiate agrees to what we can and refuses the rest, once each.
func (t *telnet) negotiate(c tn.Command) {
	answer, refusal := byte(tn.DO), byte(tn.DONT)
	known := c.Option == tn.Binary || c.Option == tn.SGA || c.Option == tn.ComPort
	if c.Verb == tn.DO {
		answer, refusal = tn.WILL, tn.WONT
		known = known && c.Option != tn.ComPort || c.Option == tn.Echo
	}
	if c.Verb == tn.WILL && c.Option == tn.ComPort {
		defer t.speaks()
	}
	if !known {
		answer = refusal
	}
	if key := [2]byte{answer, c.Option}; !t.agreed[key] {
		t.agreed[key] = true
		t.c.put([]byte{tn.IAC, answer, c.Option})
	}
}

func (t *telnet) reply(code byte, payload ...byte) {
	t.c.put(tn.Subnegotiation(tn.ComPort, append([]byte{code + tn.FromServer}, payload...)...))
}

// speaks notes that the client knows RFC 2217. One that took our offer for the end of the negotiation shows it by using it (pySerial), and
// waits for a first state of the modem lines.
func (t *telnet) speaks() {
	if !t.com.Swap(true) {
		t.tell(t.c.bridge.outputs())
	}
}

// setting answers a client that asks for or sets a rate or format, with what the guest has. Before the guest has sent its first byte it may
// not have programmed any: what the client wants is then as good, and one that takes no other for an answer (pySerial) stays.
func (t *telnet) setting(code byte, wanted []byte, s vuart.Stats, guests ...byte) {
	if s.Wire == 0 && len(wanted) == len(guests) && !bytes.Equal(wanted, make([]byte, len(wanted))) { // 0 asks
		guests = wanted
	}
	t.reply(code, guests...)
}

func (t *telnet) comPort(ctx context.Context, code byte, arg []byte) error {
	s := t.c.bridge.port.Stats()
	switch code {
	case tn.Signature:
		if len(arg) == 0 {
			t.reply(code, []byte("lastpage")...)
		}
	case tn.SetBaud:
		t.setting(code, arg, s, binary.BigEndian.AppendUint32(nil, s.Baud)...)
	case tn.SetDataSize:
		t.setting(code, arg, s, 5+s.LCR&3)
	case tn.SetParity:
		t.setting(code, arg, s, parity(s.LCR))
	case tn.SetStopSize:
		t.setting(code, arg, s, stopSize(s.LCR))
	case tn.SetControl:
		if len(arg) == 1 {
			return t.control(ctx, arg[0])
		}
	case tn.SetLineMask, tn.SetModemMask:
		if len(arg) == 1 {
			mask := &t.lineMask
			if code == tn.SetModemMask {
				mask = &t.modemMask
			}
			mask.Store(uint32(arg[0]))
			t.reply(code, arg[0])
		}
	case tn.NotifyModem:
		t.tell(t.c.bridge.outputs()) // asked for by clients that poll
	case tn.Purge:
		if len(arg) == 1 {
			t.reply(code, arg[0]) // nothing is kept here that could be purged
		}
	}
	return nil
}

func (t *telnet) control(ctx context.Context, ctl byte) error {
	answer := ctl
	switch ctl {
	case tn.ControlBreakOn:
		t.breakSince = time.Now()
	case tn.ControlBreak:
		if !t.breakSince.IsZero() {
			d := time.Since(t.breakSince)
			t.breakSince = time.Time{}
			if err := t.c.bridge.Break(ctx, d); err != nil {
				return err
			}
		}
	case ctlBreakState:
		answer = choose(t.breakSince.IsZero(), tn.ControlBreak, tn.ControlBreakOn)
	case tn.ControlDTROn, tn.ControlDTROff:
		t.dtr = ctl == tn.ControlDTROn
		t.c.bridge.lines(t.dtr, t.rts)
	case tn.ControlRTSOn, tn.ControlRTSOff:
		t.rts = ctl == tn.ControlRTSOn
		t.c.bridge.lines(t.dtr, t.rts)
	case ctlDTRState:
		answer = choose(t.dtr, tn.ControlDTROn, tn.ControlDTROff)
	case ctlRTSState:
		answer = choose(t.rts, tn.ControlRTSOn, tn.ControlRTSOff)
	default:
		answer = tn.ControlNoFlow // there is no flow control in a 16550A
	}
	t.reply(tn.SetControl, answer)
	return nil
}

func choose(is bool, yes, no byte) byte {
	if is {
		return yes
	}
	return no
}

// parity and stopSize are LCR in the words of RFC 2217.
func parity(lcr uint8) byte {
	if lcr&8 == 0 {
		return 1
	}
	return []byte{2, 3, 4, 5}[lcr>>4&3] // odd, even, mark, space
}

func stopSize(lcr uint8) byte {
	switch {
	case lcr&4 == 0:
		return 1
	case lcr&3 == 0:
		return 3 // one and a half
	default:
		return 2
	}
}

func (t *telnet) sent(recs []vuart.Rec) {
	for len(recs) > 0 {
		n := 0
		for n < len(recs) && recs[n].Flags&vuart.Break == 0 {
			n++
		}
		if b := text(recs[:n]); len(b) > 0 {
			t.c.put(tn.Escape(b))
		}
		if n < len(recs) {
			t.sawBreak()
			n++
		}
		recs = recs[n:]
	}
}

func (t *telnet) sawBreak() {
	switch {
	case !t.com.Load():
		t.c.put([]byte{tn.IAC, tn.BRK})
	case t.lineMask.Load()&tn.LineBreak != 0:
		t.reply(tn.NotifyLine, tn.LineBreak)
	}
}

// outputs tells an RFC 2217 client what has changed on its own inputs. The low four bits say what, as in a Modem Status Register.
func (t *telnet) outputs(dtr, rts bool) {
	if !t.com.Load() {
		return
	}
	now := inputs(dtr, rts)
	diff := t.modem.Swap(now) ^ now
	if told := (now | diff>>4) & t.modemMask.Load(); diff != 0 && told != 0 {
		t.reply(tn.NotifyModem, byte(told))
	}
}

// tell tells it whether anything has changed or not.
func (t *telnet) tell(dtr, rts bool) {
	now := inputs(dtr, rts)
	t.modem.Store(now)
	t.reply(tn.NotifyModem, byte(now&t.modemMask.Load()))
}

// inputs of the far end of a null modem: the guest's RTS is its CTS, the guest's DTR its DSR and DCD.
func inputs(dtr, rts bool) (msr uint32) {
	if rts {
		msr |= vuart.CTS
	}
	if dtr {
		msr |= vuart.DSR | vuart.DCD
	}
	return msr
}
