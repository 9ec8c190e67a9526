// SPDX-License-Identifier: Apache-2.0

package nightly

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/joshdk/go-junit"

	"lastpage/lab"
)

// systemd reads the unit and the timer without a complaint. The user and the program, which its machine would have, are this one's.
func TestSystemd(t *testing.T) {
	verify, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("no systemd-analyze here")
	}
	dir := t.TempDir()
	files := []string{}
	for _, name := range []string{"lastpage-nightly.service", "lastpage-nightly.timer"} {
		text, err := os.ReadFile(filepath.Join("systemd", name))
		if err != nil {
			t.Fatal(err)
		}
		here := strings.NewReplacer("/usr/local/bin/lastpage", "/bin/true", "User=lastpage", "User=root").Replace(string(text))
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(here), 0o644); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	out, err := exec.Command(verify, append([]string{"verify", "--man=no"}, files...)...).CombinedOutput()
	if err != nil || strings.Contains(string(out), "lastpage-nightly") {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}

// units are the words of the command in the service.
var units = regexp.MustCompile(`(?m)^ExecStart=/usr/local/bin/lastpage (.*)$`)

// cronLine is the line of a table in /etc/cron.d: five fields of time, the user, the command.
var cronLine = regexp.MustCompile(`(?m)^[\d*]+ [\d*]+ [\d*]+ [\d*]+ [\d*]+ lastpage (.*)$`)

// The command of cron and that of the service are run as these would: by a plain shell, with nothing but their own environment. The boards
// are broken, so that the night is over at once: its status is the lab's, its reports are there.
func TestScheduledCommands(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: builds nothing")
	}
	bin := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", filepath.Join(bin, "lastpage"), "lastpage/cmd/lastpage").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cache, state := t.TempDir(), t.TempDir()
	t.Setenv("LASTPAGE_CACHE", cache)
	inventory := filepath.Join(t.TempDir(), "boards.yaml")
	text := "boards:\n  - {name: one, kind: bench, console: 'tcp:127.0.0.1:1', power: {command: {on: 'true', off: 'true'}}, boot: {command: {run: 'true'}}}\n"
	if err := os.WriteFile(inventory, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := lab.Failed("one", errors.New("power on: it smokes")); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		file    string
		line    *regexp.Regexp
		command func(string) string
	}{
		{"cron/lastpage-nightly", cronLine, func(s string) string { return strings.ReplaceAll(s, `\%`, "%") }},
		{"systemd/lastpage-nightly.service", units, func(s string) string { return "cd /var/lib/lastpage && lastpage " + s }},
	} {
		table, err := os.ReadFile(c.file)
		if err != nil {
			t.Fatal(err)
		}
		m := c.line.FindSubmatch(table)
		if m == nil {
			t.Errorf("%s: no line is a command", c.file)
			continue
		}
		line := strings.NewReplacer("/var/lib/lastpage", state, "/etc/lastpage/boards.yaml", inventory).Replace(c.command(string(m[1])))
		sh := exec.Command("/bin/sh", "-c", line)
		sh.Env = []string{"PATH=" + bin + ":/usr/bin:/bin", "HOME=" + state, "LASTPAGE_CACHE=" + cache, "LOGNAME=lastpage", "SHELL=/bin/sh"}
		sh.Dir = "/"
		out, err := sh.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 3 || !strings.Contains(string(out), "it smokes") {
			t.Errorf("%s: %v, want exit status 3\n%s", c.file, err, out)
			continue
		}
		nights, err := filepath.Glob(filepath.Join(state, "runs", "nightly-*", "junit.xml"))
		if err != nil || len(nights) != 1 {
			t.Errorf("%s: reports %q, %v\n%s", c.file, nights, err, out)
			continue
		}
		if suites, err := junit.IngestFile(nights[0]); err != nil || len(suites) != 1 || suites[0].Totals.Error != 1 {
			t.Errorf("%s: %v, %+v", c.file, err, suites)
		}
		if err := os.RemoveAll(filepath.Join(state, "runs")); err != nil {
			t.Fatal(err)
		}
		if l, err := lab.Leased("one"); err != nil || l != nil {
			t.Error(fmt.Errorf("%s: the board is left leased: %+v, %w", c.file, l, err))
		}
	}
}
