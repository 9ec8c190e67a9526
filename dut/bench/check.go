// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"lastpage/capture/ring"
	"lastpage/capture/wire"
	"lastpage/dut"
	"lastpage/dut/bench/power"
	"lastpage/kernels/plan"
)

// Finding is what a check found out about one part of a board.
type Finding struct {
	What string `json:"what"`
	OK   bool   `json:"ok"`
	Says string `json:"says"`
	Cure string `json:"cure,omitempty"` // where to look
	// Harmless: trials can be made though it is not OK.
	Harmless bool `json:"harmless,omitempty"`
}

// The answer to BREAK and h, and the time for it: an armed guest is idle.
const (
	helpKey   = "h"
	crashKey  = "c"
	helpWords = "sysrq: HELP"
	helpLimit = 5 * time.Second
	nmiWords  = "NMI"
	nmiLimit  = 10 * time.Second
	// A crash kernel's first words, and the time for it to come to them.
	versionWords = "Linux version "
	crashLimit   = time.Minute
)

// breakCure is where to look when BREAK is not answered.
const breakCure = "on the board, \"brk:\" of its port in /proc/tty/driver/serial counts BREAKs that arrived: if it stays, the cable or the server drops them; " +
	"if it grows, look at CONFIG_MAGIC_SYSRQ_SERIAL and at the kernel (8250 of 6.18 to 7.0-rc lost them)"

// Check tries every part of a board once, in the order of a trial: p is a kernel whose plan runs the stressor and then waits for ever. tell is
// given each finding as it is made. The calibration is nil where none could be made. The error is for what is no finding: an end of ctx.
func Check(ctx context.Context, s *Setup, p Payload, stress Stress, tell func(Finding)) (*Calibration, error) {
	board, err := Open(ctx, s, p)
	if err != nil {
		if failed := new(dut.BoardError); errors.As(err, &failed) {
			err = failed.Err // who reads it knows which board
		}
		tell(Finding{What: "console, power off", Says: err.Error()})
		return nil, ctx.Err()
	}
	defer board.Close()
	m := board.Machine.(*machine)
	caps := m.line.con.Caps()
	says := s.Place + " can be read and written"
	if len(caps.Unseen) > 0 {
		says += "; not seen would be: " + strings.Join(caps.Unseen, ", ")
	}
	tell(Finding{What: "console", OK: true, Says: says})
	tell(Finding{What: "power off", OK: true, Says: verifiedWords(m, "off, and the console is silent")})

	files, err := s.Boot.Prepare(&m.p)
	if err != nil {
		tell(Finding{What: "files", Says: err.Error()})
		return nil, ctx.Err()
	}
	if err := m.tryBoot(ctx, files); err != nil {
		tell(Finding{What: "power on, loader", Says: err.Error()})
		return nil, ctx.Err()
	}
	tell(Finding{What: "power on, loader", OK: true, Says: verifiedWords(m, fmt.Sprintf("on; the loader had its last word after %d bytes", m.kernelAt))})
	if err := m.awaitArmed(ctx); err != nil {
		tell(Finding{What: "kernel", Says: err.Error()})
		return nil, ctx.Err()
	}
	tell(Finding{What: "kernel", OK: true, Says: fmt.Sprintf("Linux %s booted, and the guest reported on the console", m.messages[len(m.messages)-1].Release)})
	cal := m.checkLine(ctx, stress, tell)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	m.checkBreak(ctx, caps.Break, tell)
	if s.NMI != nil {
		m.checkNMI(ctx, tell)
	}
	if s.Dump != nil {
		if wantsDeath(s.Dump) && s.NMI == nil { // which would have killed it
			if !caps.Break {
				tell(Finding{What: "dump", Says: "nothing here can panic the machine: neither an NMI nor a BREAK", Cure: "take rfc2217:// or a serial port"})
				return cal, ctx.Err()
			}
			if err := m.line.sysrq(ctx, crashKey); err != nil {
				tell(Finding{What: "dump", Says: err.Error()})
				return cal, ctx.Err()
			}
		}
		m.checkDump(ctx, tell)
	}
	if err := m.power(ctx, power.Off); err != nil {
		tell(Finding{What: "power off again", Says: err.Error()})
	}
	return cal, ctx.Err()
}

func verifiedWords(m *machine, says string) string {
	if m.unverified {
		return says + " (the switch cannot tell its state)"
	}
	return says + " (the switch says so)"
}

func (m *machine) checkBreak(ctx context.Context, can bool, tell func(Finding)) {
	f := Finding{What: "BREAK", Cure: breakCure}
	defer func() { tell(f) }()
	if !can {
		f.OK, f.Says, f.Cure = true, "this console carries none: scenarios that need one are refused", "take rfc2217:// or a serial port"
		return
	}
	from := m.line.log.Len()
	begin := now()
	if err := m.line.sysrq(ctx, helpKey); err != nil {
		f.Says = err.Error()
		return
	}
	match, err := m.line.expect(ctx, from, helpLimit, wire.Literal(helpWords))
	if err != nil {
		f.Says = fmt.Sprintf("BREAK does not reach sysrq: after BREAK and %q no %q in %s", helpKey, helpWords, helpLimit)
		return
	}
	f.OK, f.Cure = true, ""
	f.Says = fmt.Sprintf("BREAK and %s are answered by %q %.0f ms after the BREAK began", helpKey, helpWords, float64(match.NS-begin)/1e6)
}

func (m *machine) checkNMI(ctx context.Context, tell func(Finding)) {
	f := Finding{What: "NMI", Cure: "the kernel's command line needs unknown_nmi_panic; a BMC must know `chassis power diag`"}
	defer func() { tell(f) }()
	from, begin := m.line.log.Len(), now()
	if err := m.s.NMI.Press(ctx); err != nil {
		f.Says = err.Error()
		return
	}
	limit, patterns, who := nmiLimit, []wire.Pattern{wire.Literal(dut.PanicBegins), wire.Literal(nmiWords)}, "the kernel speaks of it"
	if _, dead := m.s.Dump.(*Kdump); dead { // which takes over before the kernel has said a word
		limit, patterns, who = crashLimit, append(patterns, wire.Literal(versionWords)), "the kernel, or the crash kernel after it, speaks"
	}
	match, err := m.line.expect(ctx, from, limit, patterns...)
	if err != nil {
		f.Says = fmt.Sprintf("no word of an NMI on the console in %s", limit)
		return
	}
	f.OK, f.Cure = true, ""
	f.Says = fmt.Sprintf("%s %.0f ms after the button", who, float64(match.NS-begin)/1e6)
	_ = m.line.quiet(ctx, deathOver, babble) // for the dump
}

// wantsDeath: only a kernel that dies brings such a dump.
func wantsDeath(d Dump) bool {
	switch d.(type) {
	case *Kdump, *Pstore:
		return true
	}
	return false
}

func (m *machine) checkDump(ctx context.Context, tell func(Finding)) {
	f := Finding{What: "dump"}
	defer func() { tell(f) }()
	log, err := m.dumped(ctx)
	if err != nil {
		f.Says = err.Error()
		return
	}
	f.Says = fmt.Sprintf("%d records of Linux %s", len(log.Records), log.Release)
	if want := m.messages[len(m.messages)-1]; want.Event == plan.EventArmed && log.Release != want.Release {
		f.Says += fmt.Sprintf(": but the board runs %s", want.Release)
		return
	}
	f.OK = true
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func (m *machine) dumped(ctx context.Context) (*ring.Log, error) {
	dir, err := os.MkdirTemp("", "lastpage-check-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	m.struck = true // it was killed for this
	if err := m.line.quiet(ctx, deathOver, babble); ctx.Err() != nil {
		return nil, err
	}
	if err := m.dump(ctx, dir); err != nil {
		return nil, err
	}
	if text := filepath.Join(dir, dut.DumpText); exists(text) {
		return ring.Load(ctx, text, ring.LoadOptions{})
	}
	core, err := ring.OpenCore(filepath.Join(dir, dut.DumpName))
	if err != nil {
		return nil, err
	}
	defer core.Close()
	log, err := core.Log(ctx)
	if err == nil && len(log.Records) == 0 {
		err = errors.New("the dump holds no record")
	}
	return log, err
}
