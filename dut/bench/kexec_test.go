// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lastpage/dut"
)

// shell is a board whose own system asks for a name and has a shell. Its commands end with status 0 but for those that fail names.
type shell struct {
	*peer
	fail   map[string]string // first word: what it says
	starts bool              // kexec -e starts a kernel
	anew   func()            // what follows reboot; nil: nothing
	ran    []string
	line   string
	in     bool // somebody is logged in
}

// On implements power.Switch.
func (s *shell) On(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.on, s.in, s.line = true, false, ""
	s.say("Linux version 6.1\nbox login: ")
	s.hear = s.typed
	return nil
}

// typed is what comes on its console.
func (s *shell) typed(b []byte) {
	for _, c := range string(b) {
		if c != '\r' {
			s.line += string(c)
			continue
		}
		line := s.line
		s.line = ""
		s.say(line + "\n")
		if !s.in {
			s.in = true
			s.say("# ")
			continue
		}
		cmd, _, _ := strings.Cut(line, askStatus)
		s.ran = append(s.ran, cmd)
		word, _, _ := strings.Cut(cmd, " ")
		said, failed := s.fail[word]
		switch {
		case failed:
			s.say(said + "\nlastpage-status-1-\n# ")
		case cmd == "kexec -e" && s.starts:
			s.hear = func([]byte) {}
			s.kernel(s.say)
		default:
			s.say("lastpage-status-0-\n# ")
			if cmd == "reboot" && s.anew != nil {
				s.anew()
			}
		}
	}
}

func overShell(t *testing.T, sh *shell, follows string) (*Setup, Payload, *Kexec) {
	s, p := setup(t, sh.peer, follows)
	k := &Kexec{Shell: Shell{Folder: t.TempDir(), User: "root", Setup: []string{"ifconfig eth0 up"}, Fetch: "tftp -g -r {name} -l {file} 192.0.2.1"}}
	if err := k.Check(); err != nil {
		t.Fatal(err)
	}
	s.Power, s.Boot = sh, k
	return s, p, k
}

func TestKexecFaults(t *testing.T) {
	for _, c := range []struct {
		name  string
		fails map[string]string
		want  []string
	}{
		{"the server has no such file", map[string]string{"tftp": "tftp: server error: (1) File not found"}, []string{"tftp -g -r", "File not found", "folder:"}},
		{"another file came", map[string]string{"echo": "/tmp/x: FAILED"}, []string{"FAILED", "another file"}},
		{"nothing is loaded", map[string]string{"kexec": "Cannot open /tmp/x"}, []string{"kexec -l", "Cannot open"}},
		{"nothing is started", nil, []string{"no kernel was started"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, p, _ := overShell(t, &shell{peer: &peer{}, fail: c.fails}, "")
			wantBoardsFault(t, s, p, c.want)
		})
	}
}

// wantBoardsFault plays a trial that must fail by the board and not by the kernel, and say all of that.
func wantBoardsFault(t *testing.T, s *Setup, p Payload, want []string) {
	t.Helper()
	_, _, err := play(t, s, p)
	if err == nil {
		t.Fatal("no error")
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q, want %q in it", err, w)
		}
	}
	if !errors.As(err, new(*dut.BoardError)) || errors.As(err, new(*dut.BootError)) {
		t.Errorf("%v: want the board's fault", err)
	}
}

// wantNothingLeft closes a board, which must take its files out of the folder of the server.
func wantNothingLeft(t *testing.T, b *dut.Board, folder string) {
	t.Helper()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 0 {
		t.Errorf("%d files left, %v", len(left), err)
	}
}

// The words of the installed system are the loader's, and nothing is left in the folder.
func TestKexec(t *testing.T) {
	sh := &shell{peer: &peer{}, starts: true}
	s, p, k := overShell(t, sh, "")
	b, _, err := play(t, s, p, dut.Trigger{Name: "end", When: dut.AtQuiet, N: int64(50 * time.Millisecond), Do: dut.Stop})
	if err != nil {
		t.Fatal(err)
	}
	if sh.ran[0] != "dmesg -n 1" || sh.ran[1] != "ifconfig eth0 up" || sh.ran[len(sh.ran)-1] != "kexec -e" || len(sh.ran) != 2+2*3+2 {
		t.Errorf("typed: %q", sh.ran)
	}
	wantNothingLeft(t, b, k.Folder)
}

// The file that the loader asks for has the trial's names in it, and what U-Boot's shell would take for its own is escaped.
func TestNetboot(t *testing.T) {
	for _, c := range []struct {
		script bool
		want   string
	}{{false, "a=$b\n"}, {true, `a=\$b` + "\n"}} {
		s, p := setup(t, &peer{}, "")
		n := &Netboot{Folder: t.TempDir(), File: "pxelinux.cfg/default", Text: "get {kernel} {initrd}\nappend {cmdline}\n", Script: c.script, Last: "Hit any key"}
		if err := n.Check(); err != nil {
			t.Fatal(err)
		}
		p.Board = s.Name
		if _, err := n.Prepare(&p); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(n.Folder, n.File))
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range []string{"get lastpage-b-", "append console=ttyS0,115200 " + c.want} {
			if !strings.Contains(string(text), w) {
				t.Errorf("%q, want %q in it", text, w)
			}
		}
		if err := n.Clean(); err != nil {
			t.Error(err)
		}
		if left, _ := filepath.Glob(filepath.Join(n.Folder, "*lastpage*")); len(left) != 0 {
			t.Errorf("%q left", left)
		}
	}
}

// A loader that does not come to its last words is the board's fault, with what it said.
func TestNetbootWithoutServer(t *testing.T) {
	s, p := setup(t, &peer{}, "")
	n := &Netboot{Folder: t.TempDir(), File: "f", Text: "{kernel} {initrd} {cmdline}", Last: "Starting kernel", Within: 100 * time.Millisecond}
	s.Boot = n
	_, _, err := play(t, s, p)
	for _, w := range []string{`did not say "Starting kernel"`, "U-Boot 2023.01", "folder:"} {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("error %v, want %q in it", err, w)
		}
	}
	if !errors.As(err, new(*dut.BoardError)) {
		t.Errorf("%v: want the board's fault", err)
	}
}

// alone is a board that boots when it gets its power.
type alone struct{ *peer }

// On implements power.Switch.
func (a *alone) On(ctx context.Context) error {
	if err := a.peer.On(ctx); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.kernel(a.say)
	return nil
}

// A loader of which only the banner is known has not come back when it says that for the first time.
func TestNetbootBanner(t *testing.T) {
	peer := &peer{}
	s, p := setup(t, peer, "")
	s.Power = &alone{peer}
	s.Boot = &Netboot{Folder: t.TempDir(), File: "f", Text: "{kernel} {initrd} {cmdline}", Says: "U-Boot 2023", Within: time.Minute}
	if _, _, err := play(t, s, p, dut.Trigger{Name: "end", When: dut.AtQuiet, N: int64(50 * time.Millisecond), Do: dut.Stop}); err != nil {
		t.Error(err)
	}
}

// The file that the loader asks for is the trial's: somebody else's of that name is left alone.
func TestNetbootKeepsForeignFile(t *testing.T) {
	_, p := setup(t, &peer{}, "")
	n := &Netboot{Folder: t.TempDir(), File: "f", Text: "{kernel} {initrd} {cmdline}"}
	path := filepath.Join(n.Folder, n.File)
	if err := os.WriteFile(path, []byte("DEFAULT local\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Prepare(&p); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v, want %s in it", err, path)
	}
	if err := n.Clean(); err != nil {
		t.Error(err)
	}
	if text, _ := os.ReadFile(path); string(text) != "DEFAULT local\n" {
		t.Errorf("it holds %q now", text)
	}
}
