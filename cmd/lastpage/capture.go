// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lastpage/capture/port"
	"lastpage/capture/wire"
)

func newCapture() *cobra.Command {
	var baud int
	var out string
	var quiet bool
	c := &cobra.Command{
		Use:   "capture PORT",
		Short: "record a serial port byte by byte, with times",
		Long: `Records a serial port, a pty or a raw TCP port (tcp:HOST:PORT) until Ctrl-C, into wire.bin and wire.idx, and shows it.
Nothing is flushed, decoded or changed on the way. Start it before the board: Linux keeps about 5 KiB for a reader that is late.

Name the port by its place, not by its number: /dev/serial/by-path/... A port that goes away is waited for, and the gap is marked.
The UART's own error counters are read before and after: if they moved, the capture says so and is not to be graded.`,
		Example: `  lastpage capture /dev/serial/by-path/pci-0000:00:14.0-usb-0:2:1.0-port0 --out boot-1
  lastpage capture tcp:192.0.2.7:2001`,
		Args: cobra.ExactArgs(1),
	}
	c.Flags().IntVar(&baud, "baud", 115200, "rate of the line, 8N1; for a TCP port it is set at the other end")
	c.Flags().StringVar(&out, "out", "", "folder of the capture (default runs/capture-DATE-TIME)")
	c.Flags().BoolVar(&quiet, "quiet", false, "do not show what is captured, and no remarks; errors stay")
	asJSON := jsonFlag(c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if strings.HasPrefix(args[0], "tcp:") {
			if err := idle(cmd, "on a TCP port: its rate is set at the other end", "baud"); err != nil {
				return err
			}
		}
		if out == "" {
			out = filepath.Join("runs", "capture-"+time.Now().Format("20060102-150405"))
		}
		if err := makeFolder(out); err != nil {
			return err
		}
		p, err := port.Open(cmd.Context(), port.Config{Name: args[0], Baud: baud})
		if err != nil {
			return errors.Join(err, os.Remove(out))
		}
		w, err := wire.Create(out, wire.Monotonic, wire.Frame{})
		if err != nil {
			return fmt.Errorf("--out %s: %w", out, err)
		}
		fmt.Fprintf(remarks(cmd), "lastpage: recording %s into %s; Ctrl-C ends it\n", args[0], out)
		shown := make(chan struct{})
		go func() {
			defer close(shown)
			if !quiet && !*asJSON {
				show(cmd, p.Log())
			}
		}()
		report, err := p.Run(cmd.Context(), w)
		<-shown
		if err != nil {
			return err
		}
		if *asJSON {
			if err := printJSON(cmd.OutOrStdout(), report); err != nil {
				return err
			}
		} else {
			fmt.Fprintf(remarks(cmd), "\nlastpage: %d bytes in %s\n", p.Log().Len(), out)
		}
		if len(report.Void) > 0 {
			return inconclusive("%s: nothing may be graded on this capture: %v", out, report.Void)
		}
		return nil
	}
	return c
}

// makeFolder makes the folder of a capture, which never writes over an older one.
func makeFolder(dir string) error {
	err := os.MkdirAll(filepath.Dir(dir), 0o755)
	if err == nil {
		err = os.Mkdir(dir, 0o755)
	}
	switch {
	case errors.Is(err, os.ErrExist):
		return fmt.Errorf("--out %s is there already: a capture never writes over another", dir)
	case err != nil:
		return fmt.Errorf("--out %s: %w", dir, err)
	}
	return nil
}

// show prints what arrives with control characters made visible, until the log is closed. It reads the log: however slow the terminal is, it
// costs the capture nothing.
func show(cmd *cobra.Command, log *wire.Log) {
	for n := int64(0); ; {
		err := log.Wait(cmd.Context(), n+1)
		data := log.Bytes(n, log.Len())
		n += int64(len(data))
		if _, werr := cmd.OutOrStdout().Write(forTerminal(data)); werr != nil || (err != nil && len(data) == 0) {
			return
		}
	}
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
