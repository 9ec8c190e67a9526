// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"lastpage/dut/qemu/bridge"
	"lastpage/dut/qemu/live"
	"lastpage/kernels/names"
)

// powered is a machine with a power switch; its serial line stays when it goes.
type powered struct {
	ctx     context.Context // of the bridge
	machine live.Machine
	slot    *bridge.Slot
	stays   bool // its line is there without it
	to      io.Writer
	gone    chan error // of a guest that ended by itself

	mu    sync.Mutex
	guest *live.Guest
	off   chan struct{} // closed when it is switched off
	bytes [4]uint64     // from the guests before, to them, lost in receivers and transmitters
}

// On switches it on; one that is on stays.
func (w *powered) On(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.guest != nil {
		return nil
	}
	g, err := live.Start(ctx, w.machine)
	if err != nil {
		return err
	}
	w.guest, w.off = g, make(chan struct{})
	w.slot.Plug(g.Page)
	go w.watch(g, w.off)
	return nil
}

// watch notes a guest that ends by itself.
func (w *powered) watch(g *live.Guest, off chan struct{}) {
	select {
	case <-off:
		return
	case <-g.Done():
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.guest == g {
		w.end()
		w.gone <- g.Failure()
	}
}

// Off switches it off; what it had sent until then is read.
func (w *powered) Off() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.guest != nil {
		w.end()
	}
}

func (w *powered) end() {
	w.guest.Kill()
	w.slot.Unplug(w.ctx)
	s := w.guest.Page.Stats()
	for i, n := range []uint64{uint64(s.Wire), uint64(s.RXLine), uint64(s.RXOverrun), uint64(s.Overwritten)} {
		w.bytes[i] += n
	}
	for _, why := range s.Void() {
		fmt.Fprintln(w.to, "lastpage:", why)
	}
	w.guest.Page.Close()
	close(w.off)
	w.guest = nil
}

// account says what went over the line and what of it was lost.
func (w *powered) account(to io.Writer, unread int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	fmt.Fprintf(to, "lastpage: %d bytes from the guest, %d to it; lost: %d in its receiver, %d in its transmitter, %d on the pty because nobody read\n",
		w.bytes[0], w.bytes[1], w.bytes[2], w.bytes[3], unread)
}

// offTime is how long the power stays off in a cycle.
const offTime = 500 * time.Millisecond

// controls are what the socket knows, and what each does.
var controls = []struct{ word, about string }{
	{"status", "on or off"}, {"on", "switch it on"}, {"off", "switch it off"}, {"cycle", "off, half a second, on"}, {"reset", "the reset button"},
	{"nmi", "an NMI on every CPU: the diagnostic button"}, {"dump", "FILE: its memory as an ELF core"},
}

// do carries out one request.
func (w *powered) do(ctx context.Context, request string) (string, error) {
	word, arg, _ := strings.Cut(request, " ")
	switch word {
	case "on":
		return "on", w.On(ctx)
	case "off":
		w.Off()
		return "off", nil
	case "cycle":
		w.Off()
		time.Sleep(offTime)
		return "on", w.On(ctx)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if word == "status" {
		if w.guest == nil {
			return "off", nil
		}
		return "on", nil
	}
	if w.guest == nil {
		return "", errors.New("the machine is off")
	}
	switch word {
	case "reset":
		return "reset", w.guest.Reset(ctx)
	case "nmi":
		return "nmi", w.guest.NMI(ctx)
	case "dump":
		return arg, w.guest.Dump(ctx, arg)
	}
	return "", fmt.Errorf("unknown request %q", word)
}

// listen serves the socket until ctx ends: a line asks, a line answers.
func (w *powered) listen(ctx context.Context, path string) error {
	l, err := net.Listen("unix", path)
	if err == nil {
		err = os.Chmod(path, 0o600)
	}
	if err != nil {
		return fmt.Errorf("--control: %w", err)
	}
	context.AfterFunc(ctx, func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				line, err := bufio.NewReader(c).ReadString('\n')
				if err != nil {
					return
				}
				answer, err := w.do(ctx, strings.TrimSpace(line))
				if err != nil {
					answer = "error: " + err.Error()
				}
				fmt.Fprintln(c, answer)
			}()
		}
	}()
	return nil
}

func newWireControl() *cobra.Command {
	var words, help []string
	for _, c := range controls {
		words = append(words, c.word)
		help = append(help, fmt.Sprintf("  %-7s %s", c.word, c.about))
	}
	c := &cobra.Command{
		Use:   "control SOCKET WORD [FILE]",
		Short: "switch the machine of a bridge: power, reset, NMI",
		Long:  "Asks `lastpage wire bridge --control SOCKET` and prints its answer.\n\nWords:\n" + strings.Join(help, "\n"),
		Example: `  lastpage wire control ./board.ctl cycle
  lastpage wire control ./board.ctl dump /tmp/board.core`,
		Args: cobra.RangeArgs(2, 3),
	}
	c.RunE = func(cmd *cobra.Command, args []string) error {
		known := false
		for _, w := range words {
			known = known || w == args[1]
		}
		if !known {
			return names.Unknown("word", args[1], "of wire control", words)
		}
		if (args[1] == "dump") != (len(args) == 3) {
			return fmt.Errorf("wire control %s: only dump takes a file, and it takes one", args[1])
		}
		request := args[1]
		if len(args) == 3 {
			path, err := filepath.Abs(args[2])
			if err != nil {
				return err
			}
			request += " " + path
		}
		answer, err := ask(cmd.Context(), args[0], request)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(cmd.OutOrStdout(), answer)
		return err
	}
	return c
}

// ask is a request and its answer.
func ask(ctx context.Context, socket, request string) (string, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", socket)
	if err != nil {
		return "", fmt.Errorf("ask the bridge: %w", err)
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	if _, err := fmt.Fprintln(c, request); err != nil {
		return "", fmt.Errorf("ask the bridge: %w", err)
	}
	answer, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("ask the bridge: it gave no answer: %w", err)
	}
	if why, bad := strings.CutPrefix(answer, "error: "); bad {
		return "", fmt.Errorf("the bridge: %s", strings.TrimSpace(why))
	}
	return strings.TrimSpace(answer), nil
}
