// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lastpage/capture/pattern"
	"lastpage/capture/port"
	"lastpage/capture/stress"
)

// stressed is what was asked for.
type stressed struct {
	peer         string
	listen, send bool
	text         bool
	time         time.Duration
	bytes        int64
	baud         int
	json         bool
}

const (
	stressTime  = 10 * time.Second
	shownFaults = 20
)

func newStress() *cobra.Command {
	var o stressed
	c := &cobra.Command{
		Use:   "stress PORT",
		Short: "send a pattern over a serial line at its full rate, and find every byte that it loses or changes",
		Long: `Sends a stream that verifies itself and judges what comes: which bytes were lost, changed, doubled or inserted, at which place, the rate,
and the longest time in which nothing came. Where the port counts overruns and framing errors, they are told too.

  lastpage stress PORT               a plug on the port joins what it sends and what it receives (pins 2 and 3 of DE-9)
  lastpage stress PORT --peer PORT2  a cable joins two ports: both directions at once
  lastpage stress PORT --send        another lastpage listens: at the far end of the line, for example on the board
  lastpage stress PORT --listen      another lastpage sends

PORT is what lastpage capture takes: a tty, usb:, tty:, rfc2217://, telnet://, tcp:, exec:. No more is sent than half a second of the line before
what has come back, so that a terminal server's memory does not pass for the line's rate. A listener ends with the stream, which says where it ends.

A line that loses bytes here loses the kernel's last words too: look for the rate at both ends, flow control, an adapter or a server that drops what
it cannot hold, and a cable that is too long. lastpage boards check does this with a board of the inventory.

Exit status: 0 every byte came as it was sent, 1 the line lost or changed bytes, 3 the lab or the usage failed. Ctrl-C ends it with what is known.`,
		Example: `  lastpage stress /dev/ttyUSB0 --baud 921600 --time 1m
  lastpage stress /dev/ttyUSB0 --peer rfc2217://192.0.2.7:2001
  lastpage stress rfc2217://192.0.2.7:2001 --listen      and on the board: lastpage stress /dev/ttyS0 --send --bytes 1000000
  lastpage stress 'exec:ssh lab cat' --text`,
		Args: cobra.ExactArgs(1),
	}
	fl := c.Flags()
	fl.StringVar(&o.peer, "peer", "", "the port at the other end of the cable")
	fl.BoolVar(&o.listen, "listen", false, "only judge what comes")
	fl.BoolVar(&o.send, "send", false, "only send")
	fl.DurationVar(&o.time, "time", stressTime, "how long is sent; with --listen: is listened (default: until the stream ends)")
	fl.Int64Var(&o.bytes, "bytes", 0, fmt.Sprintf("how many bytes are sent, or listened to, in place of a time; rounded up to frames of %d", pattern.FrameBytes))
	fl.IntVar(&o.baud, "baud", 115200, "rate of the line, 8N1; where we set it: on a tty and by RFC 2217")
	fl.BoolVar(&o.text, "text", false, "lines of letters and digits only, for a line that keeps other bytes for itself (XON/XOFF, an escape character)")
	quietFlag(c)
	asJSON := jsonFlag(c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		o.json = *asJSON
		cfg, err := o.config(cmd, args[0])
		if err != nil {
			return err
		}
		return o.run(cmd, cfg)
	}
	return c
}

// config refuses what would have no effect.
func (o *stressed) config(cmd *cobra.Command, name string) (stress.Config, error) {
	cfg := stress.Config{Mode: stress.Loopback, Time: o.time, Bytes: o.bytes}
	names := []string{name}
	if ways := given(cmd, "peer", "listen", "send"); len(ways) > 1 {
		return cfg, fmt.Errorf("%s: give one of them", strings.Join(ways, ", "))
	}
	switch {
	case o.peer != "":
		cfg.Mode, names = stress.Peer, append(names, o.peer)
	case o.listen:
		cfg.Mode = stress.Listen
	case o.send:
		cfg.Mode = stress.Send
	}
	if o.peer == name {
		return cfg, fmt.Errorf("--peer %s is the port itself: a plug on one port needs no --peer", name)
	}
	if o.text {
		cfg.Form = pattern.Text
	}
	switch timed := cmd.Flags().Changed("time"); {
	case cmd.Flags().Changed("bytes") && timed:
		return cfg, errors.New("--time and --bytes: give one of them")
	case cmd.Flags().Changed("bytes"):
		if cfg.Time = 0; o.bytes < 1 {
			return cfg, fmt.Errorf("--bytes %d: want 1 or more", o.bytes)
		}
	case timed && o.time <= 0:
		return cfg, fmt.Errorf("--time %s: want a time above 0, such as 30s", o.time)
	case o.listen && !timed:
		cfg.Time = 0
	}
	rated := false
	for _, n := range names {
		p := port.Config{Name: n, Baud: o.baud}
		rated = rated || port.SetsRate(n)
		cfg.Ports = append(cfg.Ports, p)
	}
	if rated {
		cfg.Baud = o.baud
	} else if err := idle(cmd, "on this kind of port: its line is set at the other end", "baud"); err != nil {
		return cfg, err
	}
	if o.baud < 50 || o.baud > 20_000_000 {
		return cfg, fmt.Errorf("--baud %d: want 50 to 20000000", o.baud)
	}
	return cfg, nil
}

func (o *stressed) run(cmd *cobra.Command, cfg stress.Config) error {
	p := newProgress(cmd)
	said := newSpeaker(remarks(cmd))
	defer said.end()
	for i := range cfg.Ports {
		cfg.Ports[i].Tell = func(s string) { said.say("lastpage: %s\n", s) }
	}
	next := time.Duration(0)
	cfg.Watch = func(now stress.Progress) {
		if p.live() || now.Elapsed >= next {
			next += watchLog
			p.step("%s", o.far(cfg, now))
		}
	}
	rep, err := stress.Run(cmd.Context(), cfg)
	p.end()
	if rep == nil {
		return err
	}
	if o.json {
		err = errors.Join(err, printJSON(cmd.OutOrStdout(), rep))
	} else {
		for _, l := range rep.Lines {
			l.WriteText(cmd.OutOrStdout(), shownFaults)
		}
		for _, r := range rep.Ports {
			fmt.Fprint(cmd.OutOrStdout(), portWords(r))
		}
	}
	if err != nil {
		return err
	}
	return stressVerdict(rep)
}

// watchLog is how often a log is told how far it is.
const watchLog = 10 * time.Second

// far says how far it is, and when it will be over.
func (o *stressed) far(cfg stress.Config, now stress.Progress) string {
	text := fmt.Sprintf("%d bytes sent, %d came, %d bad", now.Sent, now.Received, now.Bad)
	share, of := 0.0, float64(cfg.Bytes)
	switch n := max(now.Sent, now.Received); {
	case cfg.Time > 0:
		share = float64(now.Elapsed) / float64(cfg.Time)
	case of > 0:
		if cfg.Mode == stress.Peer {
			of *= 2
		}
		share = float64(n) / of
	}
	if share <= 0 || share >= 1 || now.Elapsed < time.Second {
		return text
	}
	return fmt.Sprintf("%s, %s left", text, clock(time.Duration(float64(now.Elapsed)*(1/share-1))))
}

// portWords are what a port says for itself.
func portWords(r *port.Report) string {
	var b strings.Builder
	rate := ""
	if r.Baud > 0 {
		rate = fmt.Sprintf(", %d baud", r.Baud)
	}
	fmt.Fprintf(&b, "port %s%s\n", r.Name, rate)
	if r.HasCounters {
		fmt.Fprintf(&b, "  counted   %d overruns, %d framing errors, %d parity errors, %d BREAKs\n", r.Counted.Overrun, r.Counted.Framing, r.Counted.Parity, r.Counted.Break)
	}
	if len(r.Unseen) > 0 {
		fmt.Fprintf(&b, "  not seen  %s\n", strings.Join(r.Unseen, ", "))
	}
	for _, why := range r.Void {
		fmt.Fprintf(&b, "  fault     %s\n", why)
	}
	return b.String()
}

// stressVerdict is the exit status: the line's faults before the lab's.
func stressVerdict(rep *stress.Report) error {
	var bad, lab []string
	for _, l := range rep.Lines {
		switch h := l.Heard; {
		case h == nil:
		case l.Sent == nil && !l.Met():
			lab = append(lab, fmt.Sprintf("%s: no pattern came, %d other bytes: does somebody send (lastpage stress --send, --text at both ends or at none), at this rate?", l.To, h.Received))
		case !l.Met() && h.Lost > 0 && h.Received == 0:
			bad = append(bad, fmt.Sprintf("%s -> %s: nothing of %d bytes came: is the plug or the cable there?", l.From, l.To, *l.Sent))
		case !l.Met():
			bad = append(bad, fmt.Sprintf("%s -> %s: %d bytes came, and nothing in them is what was sent: have both ends one rate?", l.From, l.To, h.Received))
		case !h.Clean():
			bad = append(bad, fmt.Sprintf("%s: of %d bytes %d were lost, %d changed, %d doubled, and %d inserted", way(l), h.End-h.First, h.Lost, h.Changed, h.Doubled, h.Inserted))
		}
		if l.Stuck != "" {
			lab = append(lab, fmt.Sprintf("%s: not all was sent: %s", l.From, l.Stuck))
		}
	}
	for _, r := range rep.Ports {
		for _, why := range r.Void {
			lab = append(lab, r.Name+": "+why)
		}
	}
	switch {
	case len(bad) > 0:
		return kernelFailed("%s", strings.Join(bad, "\n  "))
	case len(lab) > 0:
		return errors.New(strings.Join(lab, "\n  "))
	}
	return nil
}

func way(l *stress.Line) string {
	if l.From == "" {
		return l.To
	}
	return l.From + " -> " + l.To
}
