// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lastpage/dut"
)

func onDisk(t *testing.T, sh *shell) (*Setup, Payload, *Installed) {
	s, p := setup(t, sh.peer, "")
	i := &Installed{Shell: Shell{Folder: t.TempDir(), User: "root", Fetch: "wget -O {file} http://192.0.2.1/{name}"}}
	if err := i.Check(); err != nil {
		t.Fatal(err)
	}
	s.Power, s.Boot = sh, i
	return s, p, i
}

// kernelOf starts the kernel of the trial.
func kernelOf(sh *shell) func() {
	return func() {
		sh.hear = func([]byte) {}
		sh.say("reboot: Restarting system\n")
		sh.kernel(sh.say)
	}
}

// The shell puts the kernel beside the own system's, has the loader take it once, and starts the board anew; what came until then is the loader's.
func TestInstalled(t *testing.T) {
	sh := &shell{peer: &peer{}}
	sh.anew = kernelOf(sh)
	s, p, i := onDisk(t, sh)
	p.Board = s.Name
	files, err := i.Prepare(&p)
	if err != nil {
		t.Fatal(err)
	}
	entry, err := os.ReadFile(filepath.Join(i.Folder, files.(*servedFiles).line.name))
	if want := "menuentry lastpage {\n  linux /boot/lastpage-kernel console=ttyS0,115200 a=\\$b\n  initrd /boot/lastpage-initrd\n}\n"; err != nil || string(entry) != want {
		t.Errorf("the entry is %q (%v), want %q", entry, err, want)
	}
	b, _, err := play(t, s, p, dut.Trigger{Name: "end", When: dut.AtQuiet, N: int64(50 * time.Millisecond), Do: dut.Stop})
	if err != nil {
		t.Fatal(err)
	}
	ran := strings.Join(sh.ran, "\n")
	for _, w := range []string{"-O /boot/lastpage-kernel http://192.0.2.1/lastpage-b-", "-O /boot/lastpage-initrd ", "-O /boot/grub/custom.cfg ", "\ngrub-editenv - set next_entry=lastpage\nsync\nreboot"} {
		if !strings.Contains(ran, w) {
			t.Errorf("%q was not typed: %s", w, ran)
		}
	}
	m := b.Machine.(*machine)
	const first = "[    0.000000] " + versionWords
	if at := string(m.line.log.Bytes(m.kernelAt, m.kernelAt+int64(len(first)))); at != first {
		t.Errorf("the kernel's part begins with %q", at)
	}
	wantNothingLeft(t, b, i.Folder)
}

func TestInstalledFaults(t *testing.T) {
	for _, c := range []struct {
		name  string
		fails map[string]string
		spare string
		anew  string // what the board says after reboot
		want  []string
	}{
		{"the entry is somebody's", map[string]string{"[": ""}, "", "", []string{"/boot/grub/custom.cfg is on the board and was not made by a trial", "move it away"}},
		{"the disk is full", map[string]string{"wget": "wget: short write: No space left on device"}, "", "", []string{"No space left on device"}},
		{"no such tool", map[string]string{"grub-editenv": "sh: grub-editenv: not found"}, "", "", []string{"grub-editenv - set", "not found"}},
		{"it may not", map[string]string{"reboot": "reboot: must be root"}, "", "", []string{"was not started anew", "must be root"}},
		{"its own system comes up", nil, "", "Linux version 6.1\nbox login: ", []string{"the board's own system came up", "once:"}},
		{"nothing comes up", nil, "", "reboot: Restarting system\n", []string{`after "reboot" no "Linux version "`, "Restarting system"}},
		{"its own system writes over the log", map[string]string{"grep": ""}, "memmap=1M$768M", "", []string{"put memmap=1M$768M on its command line"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			sh := &shell{peer: &peer{}, fail: c.fails}
			sh.anew = func() { sh.say(c.anew) }
			s, p, i := onDisk(t, sh)
			i.Within = 2 * time.Second
			i.spared = c.spare
			wantBoardsFault(t, s, p, c.want)
		})
	}
}

// A loader that takes the kernel of a trial for ever is told from a board without a login.
func TestInstalledNotOnce(t *testing.T) {
	p := &peer{}
	s, load := setup(t, p, "")
	i := &Installed{Shell: Shell{Folder: t.TempDir(), User: "root", Fetch: "get {name} {file}", Within: 200 * time.Millisecond}}
	if err := i.Check(); err != nil {
		t.Fatal(err)
	}
	s.Power, s.Boot = &alone{p}, i
	if _, _, err := play(t, s, load); err == nil || !strings.Contains(err.Error(), "must take that kernel once only") {
		t.Errorf("error %v", err)
	}
}

func TestInstalledRefused(t *testing.T) {
	good := Shell{Folder: "f", Fetch: "get {name} {file}"}
	for _, c := range []struct {
		i    Installed
		want string
	}{
		{Installed{}, "want folder:"},
		{Installed{Shell: Shell{Folder: "f", Fetch: "wget {name}"}}, "fetch: want what fetches"},
		{Installed{Shell: good, Text: "{kernel} {initrd} {cmdline}"}, "want entry:"},
		{Installed{Shell: good, Entry: "/boot/x"}, "want once:"},
		{Installed{Shell: good, Entry: "/boot/x", Once: []string{"y"}, Text: "{kernel} {initrd}"}, "want {cmdline} in it"},
	} {
		if err := c.i.Check(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.i, err, c.want)
		}
	}
}
