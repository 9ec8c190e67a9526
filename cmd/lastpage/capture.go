// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lastpage/capture/port"
	"lastpage/capture/wire"
	"lastpage/harness"
)

func newCapture() *cobra.Command {
	var cfg port.Config
	var out string
	var quiet bool
	c := &cobra.Command{
		Use:   "capture PORT...",
		Short: "record a serial port byte by byte, with times",
		Long: `Records a serial line until Ctrl-C, into wire.bin and wire.idx, and shows it. Nothing is flushed, decoded or changed on the way. Start it
before the board: Linux keeps about 5 KiB for a reader that is late. capture.json says what the capture is worth.

PORT is one of

  /dev/serial/by-path/...    a tty, by its place; /dev/ttyUSB0 may be another adapter after a reset
  usb:VID:PID[:SERIAL]       a tty of a USB adapter
  tty:PROPERTY=VALUE,...     a tty by properties of udev: serial, path, vendor, model, interface, or any ID_...
  rfc2217://HOST:PORT        a terminal server that tells errors and BREAK, and sets rate and modem lines
  telnet://HOST:PORT         a terminal server that does not
  tcp:HOST:PORT              a raw TCP port of one
  exec:COMMAND               what a command prints (ssh, conserver's console, ipmitool sol); /bin/sh runs it, without a terminal

A port that another program holds is refused. A port that goes away is waited for, and the gap is marked. What was seen to be lost makes the
capture void: exit status 2. What a kind of port cannot show is said, and stands in capture.json. Several ports are recorded at once, each
into a folder of its own below --out, and not shown. docs/capture.md has all of it.`,
		Example: `  lastpage capture /dev/serial/by-path/pci-0000:00:14.0-usb-0:2:1.0-port0 --out boot-1
  lastpage capture usb:0403:6001:FT12AB --baud 921600 --dtr off
  lastpage capture rfc2217://192.0.2.7:2001
  lastpage capture 'exec:ssh lab console board7'
  lastpage capture /dev/serial/by-path/* --out tonight        all at once, none shown`,
		Args: cobra.MinimumNArgs(1),
	}
	fl := c.Flags()
	fl.IntVar(&cfg.Baud, "baud", 115200, "rate of the line, 8N1; where we set it: on a tty and by RFC 2217")
	fl.StringVar(&cfg.DTR, "dtr", "", "modem line DTR, set as the port is opened: on or off (default: as the driver does, on)")
	fl.StringVar(&cfg.RTS, "rts", "", "modem line RTS, likewise")
	fl.StringVar(&out, "out", "", "folder of the capture (default runs/capture-DATE-TIME)")
	fl.BoolVar(&quiet, "quiet", false, "do not show what is captured, and no remarks; errors stay")
	asJSON := jsonFlag(c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if err := checkCapture(cmd, cfg, args); err != nil {
			return err
		}
		if out == "" {
			out = filepath.Join("runs", "capture-"+time.Now().Format("20060102-150405"))
		}
		said := newSpeaker(remarks(cmd))
		defer said.end()
		defer lean()()
		if len(args) > 1 {
			return captureAll(cmd, cfg, args, out, said, *asJSON)
		}
		cfg.Name = args[0]
		undo, err := makeFolder(out)
		if err != nil {
			return err
		}
		r, err := openRecording(cmd.Context(), cfg, "", out, said)
		if err != nil {
			undo()
			return err
		}
		said.say("lastpage: recording %s into %s; Ctrl-C ends it\n", cfg.Name, out)
		if u := r.port.Caps().Unseen; len(u) > 0 {
			said.say("lastpage: this port does not show: %s\n", strings.Join(u, ", "))
		}
		log := r.port.Log()
		viewed := make(chan struct{})
		if shown := !quiet && !*asJSON; shown {
			log.SetKeep(window)
			go func() {
				defer close(viewed)
				show(cmd, log, said)
			}()
		} else {
			log.SetKeep(unseen)
			close(viewed)
		}
		err = r.run(cmd.Context())
		select {
		case <-viewed:
		case <-time.After(viewerGrace): // it does not read; the process ends without it
		}
		if r.report == nil {
			undo()
		}
		if err != nil {
			return err
		}
		if *asJSON {
			if err := printJSON(cmd.OutOrStdout(), r.report); err != nil {
				return err
			}
		} else {
			said.say("\nlastpage: %d bytes in %s\n", r.bytes, out)
		}
		if why := r.void(); why != "" {
			return inconclusive("%s", why)
		}
		return nil
	}
	return c
}

// checkCapture refuses what would have no effect on these kinds of port.
func checkCapture(cmd *cobra.Command, cfg port.Config, ports []string) error {
	if !slices.ContainsFunc(ports, port.SetsRate) {
		if err := idle(cmd, "on this kind of port: its line is set at the other end", "baud", "dtr", "rts"); err != nil {
			return err
		}
	}
	for _, f := range []struct{ name, value string }{{"dtr", cfg.DTR}, {"rts", cfg.RTS}} {
		if cmd.Flags().Changed(f.name) && f.value != "on" && f.value != "off" {
			return fmt.Errorf("--%s %q: want on or off", f.name, f.value)
		}
	}
	return nil
}

// makeFolder makes the folder of a capture, which never writes over an older one. undo removes what was made as far as it is empty.
func makeFolder(dir string) (undo func(), err error) {
	made := filepath.Clean(dir)
	for up := filepath.Dir(made); !harness.Exists(up); up = filepath.Dir(up) {
		made = up
	}
	err = os.MkdirAll(filepath.Dir(dir), 0o755)
	if err == nil {
		err = os.Mkdir(dir, 0o755)
	}
	switch {
	case errors.Is(err, os.ErrExist):
		return nil, fmt.Errorf("--out %s is there already: a capture never writes over another", dir)
	case err != nil:
		return nil, fmt.Errorf("--out %s: %w", dir, err)
	}
	return func() {
		for up := filepath.Clean(dir); os.Remove(up) == nil && up != made; {
			up = filepath.Dir(up)
		}
	}, nil
}

// forTerminal keeps line ends and tabs, and escapes what could change the terminal.
func forTerminal(data []byte) []byte {
	var out []byte
	for _, c := range data {
		switch c {
		case '\n', '\t':
			out = append(out, c)
		case '\r':
		default:
			out = wire.AppendVisible(out, []byte{c})
		}
	}
	return out
}
