// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"lastpage/dut"
)

// grubShell is a board with a GRUB of a few words, which draws each key with its place, as a terminal is told.
func grubShell(p *peer, answer func(line string) string) func([]byte) {
	line, menu := "", true
	return func(b []byte) {
		for _, c := range string(b) {
			if menu {
				menu = c != 'c'
				p.say("\x1b[2J\x1b[1;1Hgrub> ")
				continue
			}
			if c != '\r' {
				line += string(c)
				p.say("\x1b[9;7H" + string(c))
				continue
			}
			cmd := strings.TrimSpace(line)
			line = ""
			p.say("\n" + answer(cmd) + "grub> ")
		}
	}
}

// switched is a peer that does something more when it gets its power.
type switched struct {
	*peer
	on func()
}

// On implements power.Switch.
func (s *switched) On(ctx context.Context) error {
	err := s.peer.On(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.on()
	return err
}

func TestGrubFaults(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer func(line string) string
		want   []string
	}{
		{"it never comes", nil, []string{`no "Welcome to GRUB!"`, "within 1s", "Hit any key"}},
		{"the server has no such file", func(line string) string {
			if strings.HasPrefix(line, "source (tftp)/lastpage-b-") {
				return "error: file `/lastpage-b-x' not found.\n"
			}
			return ""
		}, []string{"source (tftp)/lastpage-b-", "not found", "folder:"}},
		{"nothing is started", func(line string) string {
			if line == "boot" {
				return "error: you need to load the kernel first.\n"
			}
			return ""
		}, []string{"no kernel was started", "load the kernel first"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := &peer{}
			s, load := setup(t, p, "")
			g := &Grub{Folder: t.TempDir(), Within: time.Second}
			if c.answer != nil {
				g.Says, g.Within = "U-Boot 2023.01", time.Minute
			}
			if err := g.Check(); err != nil {
				t.Fatal(err)
			}
			s.Boot, s.Power = g, &switched{peer: p, on: func() { p.hear = grubShell(p, c.answer) }}
			_, _, err := play(t, s, load)
			if err == nil {
				t.Fatal("no error")
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("error %q, want %q in it", err, w)
				}
			}
			if !errors.As(err, new(*dut.BoardError)) {
				t.Errorf("%v: want the board's fault", err)
			}
		})
	}
}

func TestPlain(t *testing.T) {
	for in, want := range map[string]string{"\x1b[9;7Hi\x1b[9;8H\x1b[?25ln": "in", "\x1b[0;37;40mgrub> ": "grub> ", "a\x1b": "a", "a\x1b[3": "a", "": ""} {
		if got := string(plain([]byte(in))); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
