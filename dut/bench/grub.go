// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"lastpage/capture/wire"
)

// Grub is a board whose loader is GRUB, with a terminal on the console and a network. Little is typed: the long lines are in a file of the
// server's.
type Grub struct {
	Folder string        `yaml:"folder" json:"folder"` // of the TFTP or HTTP server, where we may write
	From   string        `yaml:"from" json:"from"`     // GRUB's device of that server
	Says   string        `yaml:"banner" json:"banner"` // what GRUB says first
	Menu   string        `yaml:"menu" json:"menu"`     // key that leaves its menu for its prompt
	Prompt string        `yaml:"prompt" json:"prompt"`
	Setup  []string      `yaml:"setup" json:"setup,omitempty"` // typed first: what brings the network up
	Within time.Duration `yaml:"within" json:"within_ns"`      // from the power to the prompt

	served served
}

// Check fills in defaults and says what is missing.
func (g *Grub) Check() error {
	for _, f := range []struct {
		to    *string
		value string
	}{{&g.From, "(tftp)"}, {&g.Says, "Welcome to GRUB!"}, {&g.Menu, "c"}, {&g.Prompt, "grub> "}} {
		if *f.to == "" {
			*f.to = f.value
		}
	}
	if g.Within == 0 {
		g.Within = netbootLimit
	}
	switch {
	case g.Folder == "":
		return errors.New("boot: grub-serial: want folder:, that of the TFTP or HTTP server")
	case g.Within < 0:
		return errors.New("boot: grub-serial: within: want a time above 0, such as 3m")
	}
	return nil
}

// Prepare implements Loader.
func (g *Grub) Prepare(p *Payload) (any, error) {
	f, err := g.served.put(g.Folder, p)
	if err == nil {
		lines := fmt.Sprintf("linux %[1]s/%[2]s %[3]s\ninitrd %[1]s/%[4]s\n", g.From, f.kernel.name, escape(p.Cmdline), f.initrd.name)
		f.line, err = g.served.file(g.Folder, p.Board, []byte(lines))
	}
	return f, err
}

// Clean implements Loader.
func (g *Grub) Clean() error { return g.served.remove() }

// Banner implements Loader.
func (g *Grub) Banner() string { return g.Says }

// Boot implements Loader. The kernel's part begins with the command that starts it.
func (g *Grub) Boot(ctx context.Context, l *line, files any, from int64) (int64, error) {
	f := files.(*servedFiles)
	if err := g.catch(ctx, l, from); err != nil {
		return 0, err
	}
	for _, c := range g.Setup {
		if err := g.command(ctx, l, c, setupLimit); err != nil {
			return 0, err
		}
	}
	size := f.kernel.size + f.initrd.size
	if err := g.command(ctx, l, "source "+g.From+"/"+f.line.name, fetchLimit+time.Duration(size)*time.Second/fetchRate); err != nil {
		return 0, fmt.Errorf("%w: look whether folder: is the server's own, at from:, and at the board's network", err)
	}
	started := l.log.Len() // before it is typed: a kernel may be faster than we are
	if err := l.send(ctx, " boot\r"); err != nil {
		return 0, err
	}
	m, err := l.expect(ctx, started, startLimit, wire.Literal(g.Prompt), wire.Literal("Linux version "))
	if err == nil && m.Index == 0 {
		return 0, fmt.Errorf("grub-serial: boot: no kernel was started: %q", lastLine(plain(l.log.Bytes(started, m.Start))))
	}
	return started, ctx.Err() // a kernel that dies, or is silent, is judged by what it says
}

// grubError begins what GRUB says of a command that failed.
const grubError = "error: "

// catch waits for GRUB, and leaves its menu. What was before it is not typed at.
func (g *Grub) catch(ctx context.Context, l *line, from int64) error {
	whole, power := ctx, from
	ctx, cancel := context.WithTimeout(whole, g.Within)
	defer cancel()
	m, err := l.expect(ctx, from, g.Within, wire.Literal(g.Says))
	if err == nil {
		from = m.End
	}
	for err == nil {
		if err = l.send(ctx, g.Menu); err != nil {
			break
		}
		if _, none := l.expect(ctx, from, promptEvery, wire.Literal(g.Prompt)); none == nil {
			if err = l.quiet(ctx, 2*promptEvery, g.Within); err == nil {
				err = l.send(ctx, "\r") // ends what was typed there
			}
			if err == nil {
				err = l.quiet(ctx, 2*promptEvery, g.Within)
			}
			break
		}
		err = ctx.Err()
	}
	if err == nil || whole.Err() != nil || ctx.Err() == nil {
		return err
	}
	if l.log.Len() == power {
		return noByte("grub-serial", g.Within)
	}
	return fmt.Errorf("grub-serial: no %q, or no %q after it, within %s; the last line is %q: look at prompt:, at baud:, and whether GRUB has a terminal on the console",
		g.Says, g.Prompt, g.Within, lastLine(plain(l.log.Bytes(from, l.log.Len()))))
}

// command types a line and sees that it was understood as it was typed. One that GRUB calls an error is one.
func (g *Grub) command(ctx context.Context, l *line, text string, limit time.Duration) error {
	var said []byte
	for range lineTries {
		from := l.log.Len()
		if err := l.send(ctx, " "+text+"\r"); err != nil { // firmware may eat the first key
			return err
		}
		m, err := l.expect(ctx, from, limit, wire.Literal(g.Prompt))
		said = plain(l.log.Bytes(from, l.log.Len()))
		if err != nil {
			return fmt.Errorf("grub-serial: %.60q: no prompt after it: %w; the last line is %q", text, err, lastLine(said))
		}
		if said = plain(l.log.Bytes(from, m.Start)); !strings.Contains(string(said), text) {
			continue // characters were lost on the way: once more
		}
		if bytes.Contains(said, []byte(grubError)) {
			return fmt.Errorf("grub-serial: %.60q: %q", text, lastLine(said))
		}
		return nil
	}
	return fmt.Errorf("grub-serial: %.60q came back as %.100q, %d times: characters are lost on their way to the board", text, said, lineTries)
}

// plain is text without what moves a terminal's cursor and colours it (ECMA-48, control sequences).
func plain(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] != 0x1b {
			out = append(out, b[i])
			continue
		}
		if i++; i < len(b) && b[i] == '[' {
			for i++; i < len(b) && (b[i] < 0x40 || b[i] > 0x7e); i++ {
			}
		}
	}
	return out
}
