// SPDX-License-Identifier: Apache-2.0

package port

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"lastpage/capture/telnet"
	"lastpage/capture/wire"
)

// answerWait bounds the wait for the other side of a negotiation.
const answerWait = 3 * time.Second

// terminal is a telnet port of a terminal server, and with com one that speaks RFC 2217.
type terminal struct {
	tcp
	com    bool
	parser telnet.Parser

	// What was agreed: ours are the options that we do, theirs those that they do.
	ours, theirs map[byte]bool
	asked        map[[2]byte]bool // verb and option that wait for an answer
	heard        bool             // a command came: the other side speaks telnet

	answers   map[byte][]byte // of the server to what we set, by our code
	bad       string          // what was set otherwise than asked for
	modem     string
	newModem  bool
	pieces    []piece
	plainOut  bool // we may not send BINARY: a NUL follows each bare CR
	suspended atomic.Bool
	sending   sync.Mutex
	queueing  sync.Mutex
	queue     []byte // commands
}

func dialTelnet(ctx context.Context, addr string, cfg Config, com bool) (_ source, err error) {
	if com && cfg.Baud <= 0 {
		return nil, errors.New("no baud rate given")
	}
	fd, err := connect(ctx, addr)
	if err != nil {
		return nil, err
	}
	t := &terminal{tcp: tcp{descriptor: fd}, com: com, ours: map[byte]bool{}, theirs: map[byte]bool{}, asked: map[[2]byte]bool{}, answers: map[byte][]byte{}}
	defer func() {
		if err != nil {
			_ = t.Close()
		}
	}()
	t.ask(telnet.WILL, telnet.Binary)
	t.ask(telnet.DO, telnet.Binary)
	t.ask(telnet.WILL, telnet.SGA)
	t.ask(telnet.DO, telnet.SGA)
	if com {
		t.ask(telnet.WILL, telnet.ComPort)
	}
	deadline := time.Now().Add(answerWait)
	if err := t.until(ctx, deadline, func() bool { return t.heard && len(t.asked) == 0 }); err != nil {
		return nil, err
	}
	if !t.heard {
		return nil, errors.New("nobody answers in telnet: is it a raw port (tcp:)?")
	}
	clear(t.asked)
	t.parser.NVT = !t.theirs[telnet.Binary]
	t.plainOut = !t.ours[telnet.Binary]
	if com {
		if err := t.setUp(ctx, cfg); err != nil {
			return nil, err
		}
	}
	// A server that refuses says so after it has negotiated.
	spoken := func() bool { return len(t.pieces) > 0 && !refuses(t.soFar()) }
	if err := t.until(ctx, time.Now().Add(greetWait), spoken); err != nil {
		return nil, err
	}
	t.release()
	return t, nil
}

// until reads until done or the deadline; data is kept.
func (t *terminal) until(ctx context.Context, deadline time.Time, done func() bool) error {
	buf := make([]byte, readBytes)
	for !done() && time.Now().Before(deadline) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !t.wait(min(readWait, time.Until(deadline))) {
			continue
		}
		n, err := t.get(buf)
		t.feed(buf[:n])
		if err != nil {
			if said := t.soFar(); refuses(said) {
				return &refusal{strings.TrimSpace(string(said))}
			}
			return fmt.Errorf("during the negotiation: %w", err)
		}
	}
	return nil
}

// soFar is all data that came.
func (t *terminal) soFar() (all []byte) {
	for _, p := range t.pieces {
		all = append(all, p.data...)
	}
	return all
}

// release takes a banner from what came before the port was ready.
func (t *terminal) release() {
	if len(t.pieces) > 0 && t.pieces[0].kind == 0 {
		var words string
		if words, t.pieces[0].data = unbanner(t.pieces[0].data); words != "" {
			t.said = words
		}
	}
}

func (t *terminal) setUp(ctx context.Context, cfg Config) error {
	if !t.ours[telnet.ComPort] {
		return errors.New("this port speaks telnet and no RFC 2217: use telnet://")
	}
	wants := []struct {
		code  byte
		value []byte
		name  string
	}{
		{telnet.SetBaud, binary.BigEndian.AppendUint32(nil, uint32(cfg.Baud)), "rate"},
		{telnet.SetDataSize, []byte{8}, "data bits"},
		{telnet.SetParity, []byte{1}, "parity"},
		{telnet.SetStopSize, []byte{1}, "stop bits"},
		{telnet.SetLineMask, []byte{telnet.LineErrors}, ""},
		{telnet.SetModemMask, []byte{0xff}, ""},
	}
	for _, w := range wants {
		t.say(w.code, w.value...)
	}
	begun := time.Now()
	err := t.until(ctx, begun.Add(answerWait), func() bool {
		for _, w := range wants {
			// Not every server has masks; it answers them as soon as the rest or never.
			if t.answers[w.code] == nil && (w.name != "" || time.Since(begun) < 2*greetWait) {
				return false
			}
		}
		return true
	})
	if err != nil {
		return err
	}
	for _, w := range wants[1:4] {
		if got := t.answers[w.code]; got != nil && !bytes.Equal(got, w.value) {
			t.bad = fmt.Sprintf("%s %d were asked for, the server set %d", w.name, w.value, got)
		}
	}
	return t.lines(ctx, cfg)
}

// lines sets the modem lines that were asked for, one after the other: the answers have one code.
func (t *terminal) lines(ctx context.Context, cfg Config) error {
	for _, l := range []struct {
		name, want string
		on, off    byte
	}{{"DTR", cfg.DTR, telnet.ControlDTROn, telnet.ControlDTROff}, {"RTS", cfg.RTS, telnet.ControlRTSOn, telnet.ControlRTSOff}} {
		if l.want == "" {
			continue
		}
		value := l.off
		if l.want == "on" {
			value = l.on
		}
		delete(t.answers, telnet.SetControl)
		t.say(telnet.SetControl, value)
		set := func() bool { return bytes.Equal(t.answers[telnet.SetControl], []byte{value}) }
		if err := t.until(ctx, time.Now().Add(answerWait), set); err != nil {
			return err
		}
		if !set() {
			return fmt.Errorf("set %s %s: the server does not confirm it", l.name, l.want)
		}
	}
	return nil
}

func (t *terminal) ask(verb, option byte) {
	t.asked[[2]byte{verb, option}] = true
	t.send([]byte{telnet.IAC, verb, option})
}

func (t *terminal) say(code byte, value ...byte) {
	t.send(telnet.Subnegotiation(telnet.ComPort, append([]byte{code}, value...)...))
}

// send puts a command between the data. It does not wait for a sender that waits for the line; that one sends it then. A connection that is
// gone says so at the next read.
func (t *terminal) send(b []byte) {
	t.queueing.Lock()
	t.queue = append(t.queue, b...)
	t.queueing.Unlock()
	if t.sending.TryLock() {
		t.flush()
		t.sending.Unlock()
	}
}

// flush sends the commands that wait; it is called by who is sending.
func (t *terminal) flush() {
	ctx, cancel := context.WithTimeout(context.Background(), readWait)
	defer cancel()
	t.queueing.Lock()
	b := t.queue
	t.queue = nil
	t.queueing.Unlock()
	_ = t.put(ctx, b)
}

func (t *terminal) feed(b []byte) {
	t.parser.Feed(b, func(data []byte) { t.pieces = append(t.pieces, piece{data: bytes.Clone(data)}) }, t.command)
}

func (t *terminal) command(c telnet.Command) {
	switch c.Verb {
	case telnet.BRK:
		t.pieces = append(t.pieces, piece{kind: wire.MarkBreak, count: 1})
	case telnet.SB:
		t.heard = true
		if c.Option == telnet.ComPort && len(c.Sub) > 0 && c.Sub[0] >= telnet.FromServer {
			t.notice(c.Sub[0]-telnet.FromServer, c.Sub[1:])
		}
	default:
		t.heard = true
		t.negotiate(c)
	}
}

// negotiate answers what the other side says of an option, and never an answer to what we asked.
func (t *terminal) negotiate(c telnet.Command) {
	state, ask, yes, no := t.theirs, byte(telnet.DO), byte(telnet.DO), byte(telnet.DONT)
	want := c.Option == telnet.Binary || c.Option == telnet.SGA || c.Option == telnet.Echo
	if c.Verb == telnet.DO || c.Verb == telnet.DONT {
		state, ask, yes, no = t.ours, telnet.WILL, telnet.WILL, telnet.WONT
		want = c.Option == telnet.Binary || c.Option == telnet.SGA || c.Option == telnet.ComPort && t.com
	}
	key := [2]byte{ask, c.Option}
	waited := t.asked[key]
	delete(t.asked, key)
	offered := c.Verb == telnet.WILL || c.Verb == telnet.DO
	switch was := state[c.Option]; {
	case offered && want:
		state[c.Option] = true
		if !was && !waited {
			t.send([]byte{telnet.IAC, yes, c.Option})
		}
	case offered:
		t.send([]byte{telnet.IAC, no, c.Option})
	default:
		delete(state, c.Option)
		if was {
			t.send([]byte{telnet.IAC, no, c.Option})
		}
	}
	t.parser.NVT = !t.theirs[telnet.Binary] && len(t.asked) == 0
}

// notice is what an RFC 2217 server says.
func (t *terminal) notice(code byte, value []byte) {
	switch code {
	case telnet.NotifyLine:
		if len(value) == 1 {
			t.line(value[0])
		}
	case telnet.NotifyModem:
		if len(value) == 1 {
			t.modem, t.newModem = modemLines(value[0]), true
		}
	case telnet.Suspend:
		t.suspended.Store(true)
	case telnet.Resume:
		t.suspended.Store(false)
	case telnet.SetBaud:
		t.answers[code] = bytes.Clone(value[:min(len(value), 4)]) // sredird sends 8
	default:
		t.answers[code] = append([]byte{}, value...)
	}
}

func (t *terminal) line(state byte) {
	for _, l := range []struct {
		bit  byte
		kind wire.MarkKind
	}{{telnet.LineOverrun, wire.MarkOverrun}, {telnet.LineFraming, wire.MarkFraming}, {telnet.LineParity, wire.MarkParity}, {telnet.LineBreak, wire.MarkBreak}} {
		if state&l.bit != 0 {
			t.pieces = append(t.pieces, piece{kind: l.kind, count: 1})
		}
	}
}

// modemLines names the lines of an MSR that are up.
func modemLines(msr byte) string {
	var up []string
	for i, name := range []string{"CTS", "DSR", "RI", "DCD"} {
		if msr&(1<<(4+i)) != 0 {
			up = append(up, name)
		}
	}
	if len(up) == 0 {
		return "none"
	}
	return strings.Join(up, " ")
}
