// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files of testdata anew")

// A call is one invocation of the command, in process.
type call struct {
	name string // of the golden file
	args []string
	exit int
	path string // PATH, if it matters
	root string // of the cache, if it matters
}

// refusals are invocations that must end before anything is fetched, built or booted: with one clear error that names the place and the
// cure (testdata/NAME.txt has it), the exit status of the design, nothing on standard output, and no file left behind.
var refusals = []call{
	{name: "no-arguments-to-dmesg", args: []string{"dmesg"}, exit: exitLabFailed},
	{name: "unknown-command", args: []string{"flush"}, exit: exitLabFailed},
	{name: "unknown-command-of-kernels", args: []string{"kernels", "bake"}, exit: exitLabFailed},
	{name: "build-of-a-fetched-kernel", args: []string{"kernels", "build", "debian-6.12"}, exit: exitLabFailed},
	{name: "tree-that-is-none", args: []string{"sweep", "--tree", "no-such-tree"}, exit: exitLabFailed},
	{name: "tree-is-no-tree", args: []string{"run", "--tree", ".", "--patch", "text", "--out", "new"}, exit: exitLabFailed},
	{name: "patch-is-no-patch", args: []string{"run", "--patch", "text", "--out", "new"}, exit: exitLabFailed},
	{name: "config-is-no-config", args: []string{"matrix", "--config", "text", "--out", "new"}, exit: exitLabFailed},
	{name: "tarball-is-none", args: []string{"kernels", "build", "--tree", "text.tar"}, exit: exitLabFailed},
	{name: "tree-for-nobody", args: []string{"run", "--tree", "linux", "--strategy", "legacy,mainline", "--out", "new"}, exit: exitLabFailed},
	{name: "patch-for-nobody", args: []string{"sweep", "--patch", "good.patch", "--config", "config", "--strategy", "legacy", "--out", "new"}, exit: exitLabFailed},
	{name: "image-is-none", args: []string{"run", "--image", "text", "--out", "new"}, exit: exitLabFailed},
	{name: "image-not-there", args: []string{"sweep", "--image", "mine=none", "--out", "new"}, exit: exitLabFailed},
	{name: "image-and-tree", args: []string{"run", "--image", "text", "--tree", "linux", "--patch", "good.patch", "--out", "new"}, exit: exitLabFailed},
	{name: "image-twice", args: []string{"matrix", "--image", "text", "--image", "text", "--out", "new"}, exit: exitLabFailed},
	{name: "images-and-headers", args: []string{"run", "--image", "text", "--image", "b=text", "--headers", "linux", "--out", "new"}, exit: exitLabFailed},
	{name: "headers-for-nobody", args: []string{"run", "--headers", "linux", "--initrd", "text", "--out", "new"}, exit: exitLabFailed},
	{name: "append-for-nobody", args: []string{"run", "--append", "quiet", "--out", "new"}, exit: exitLabFailed},
	{name: "image-and-kernel", args: []string{"wire", "bridge", "--image", "text", "--kernel", "debian-6.1"}, exit: exitLabFailed},
	{name: "masks-and-image", args: []string{"matrix", "--masks", "--image", "text", "--out", "new"}, exit: exitLabFailed},
	{name: "scenario-file-not-there", args: []string{"run", "--scenario", "none.yaml", "--out", "new"}, exit: exitLabFailed},
	{name: "scenario-file-unknown-key", args: []string{"matrix", "--scenario", "unknown-key.yaml", "--out", "new"}, exit: exitLabFailed},
	{name: "backlog-without-the-probe", args: []string{"run", "--scenario", "alone.yaml", "--backlog", "5", "--out", "new"}, exit: exitLabFailed},
	{name: "scenarios-with-and-without-the-probe", args: []string{"matrix", "--scenario", "warn,alone.yaml", "--out", "new"}, exit: exitLabFailed},
	{name: "inject-for-nobody", args: []string{"run", "--scenario", "warn", "--inject", "share:50%", "--out", "new"}, exit: exitLabFailed},
	{name: "phase-for-nobody", args: []string{"run", "--scenario", "warn", "--phase", "1ms", "--out", "new"}, exit: exitLabFailed},
	{name: "phase-too-fine", args: []string{"run", "--phase", "10ns", "--out", "new"}, exit: exitLabFailed},
	{name: "moments-that-never-come", args: []string{"run", "--trials", "1", "--inject", "byte:1", "--inject", "byte:2", "--out", "new"}, exit: exitLabFailed},
	{name: "strategy-twice", args: []string{"run", "--strategy", "legacy,legacy", "--out", "new"}, exit: exitLabFailed},
	{name: "strategy-no-words", args: []string{"run", "--strategy", "legacy+", "--out", "new"}, exit: exitLabFailed},
	{name: "sweep-unknown-strategy", args: []string{"sweep", "--strategy", "legacy,prayer", "--out", "new"}, exit: exitLabFailed},
	{name: "record-len-without-records", args: []string{"run", "--backlog", "0", "--record-len", "90", "--out", "new"}, exit: exitLabFailed},
	{name: "masks-and-strategy", args: []string{"matrix", "--masks", "--strategy", "inline", "--out", "new"}, exit: exitLabFailed},
	{name: "masks-and-scenario", args: []string{"matrix", "--masks", "--scenario", "warn", "--out", "new"}, exit: exitLabFailed},
	{name: "scenario-twice", args: []string{"matrix", "--scenario", "panic-dies-in:end,panic-dies-in:end:hang", "--out", "new"}, exit: exitLabFailed},
	{name: "grade-trial-with-run-id", args: []string{"grade", "unfinished", "--run-id", "00000000", "--loglevel", "7"}, exit: exitLabFailed},
	{name: "grade-loglevel", args: []string{"grade", "--wire", "text", "--loglevel", "99"}, exit: exitLabFailed},
	{name: "refresh-of-a-tree", args: []string{"kernels", "build", "--tree", "linux", "--refresh"}, exit: exitLabFailed},
	{name: "path-of-nothing", args: []string{"kernels", "path", "--catalogue", "mine.yaml"}, exit: exitLabFailed},
	{name: "parts-without-trials", args: []string{"wire", "test", "--only", "rate,uboot", "--trials", "5"}, exit: exitLabFailed},
	{name: "parts-without-kernel", args: []string{"wire", "test", "--only", "accept", "--kernel", "debian-6.1"}, exit: exitLabFailed},
	{name: "unknown-part", args: []string{"wire", "test", "--only", "lunch"}, exit: exitLabFailed},
	{name: "firmware-and-kernel", args: []string{"wire", "bridge", "--firmware", "text", "--kernel", "debian-6.1", "--append", "x"}, exit: exitLabFailed},
	{name: "link-is-there", args: []string{"wire", "bridge", "--link", "text"}, exit: exitLabFailed},
	{name: "baud-of-a-tcp-port", args: []string{"capture", "tcp:127.0.0.1:1", "--baud", "9600", "--out", "new"}, exit: exitLabFailed},
	{name: "stress-baud-of-a-tcp-port", args: []string{"stress", "tcp:127.0.0.1:1", "--baud", "9600"}, exit: exitLabFailed},
	{name: "stress-time-and-bytes", args: []string{"stress", "/dev/null", "--time", "1s", "--bytes", "10"}, exit: exitLabFailed},
	{name: "stress-no-bytes", args: []string{"stress", "/dev/null", "--bytes", "0"}, exit: exitLabFailed},
	{name: "stress-no-time", args: []string{"stress", "/dev/null", "--time", "0s"}, exit: exitLabFailed},
	{name: "stress-two-ways", args: []string{"stress", "/dev/null", "--listen", "--send"}, exit: exitLabFailed},
	{name: "stress-its-own-peer", args: []string{"stress", "/dev/null", "--peer", "/dev/null"}, exit: exitLabFailed},
	{name: "stress-no-port", args: []string{"stress", "/dev/null"}, exit: exitLabFailed},
	{name: "check-syntax-has-no-time", args: []string{"boards", "check", "--syntax", "--time", "5s"}, exit: exitLabFailed},
	{name: "unknown-flag", args: []string{"run", "--baudrate", "9600"}, exit: exitLabFailed},
	{name: "unknown-board", args: []string{"run", "--board", "toaster"}, exit: exitLabFailed},
	{name: "night-on-an-unknown-board", args: []string{"nightly", "--board", "toaster", "--out", "new"}, exit: exitLabFailed},
	{name: "night-on-a-board-twice", args: []string{"nightly", "--board", "qemu,qemu", "--out", "new"}, exit: exitLabFailed},
	{name: "night-inject-for-nobody", args: []string{"nightly", "--scenario", "warn", "--inject", "byte:1", "--out", "new"}, exit: exitLabFailed},
	{name: "night-scenario-twice", args: []string{"nightly", "--scenario", "warn,warn", "--out", "new"}, exit: exitLabFailed},
	{name: "night-unknown-letter", args: []string{"nightly", "--require", "Z", "--out", "new"}, exit: exitLabFailed},
	{name: "night-in-the-folder-of-a-run", args: []string{"nightly", "--out", "arun"}, exit: exitLabFailed},
	{name: "uplink-without-network", args: []string{"wire", "bridge", "--firmware", "text", "--uplink"}, exit: exitLabFailed},
	{name: "bootfile-for-nobody", args: []string{"wire", "bridge", "--firmware", "text", "--bootfile", "text"}, exit: exitLabFailed},
	{name: "pxe-without-network", args: []string{"wire", "bridge", "--firmware", "pxe"}, exit: exitLabFailed},
	{name: "pxe-without-bootfile", args: []string{"wire", "bridge", "--firmware", "pxe", "--tftp", "."}, exit: exitLabFailed},
	{name: "bios-without-disk", args: []string{"wire", "bridge", "--firmware", "bios"}, exit: exitLabFailed},
	{name: "pxe-with-disk", args: []string{"wire", "bridge", "--firmware", "pxe", "--tftp", ".", "--disk", "text"}, exit: exitLabFailed},
	{name: "disk-not-there", args: []string{"wire", "bridge", "--firmware", "bios", "--disk", "none"}, exit: exitLabFailed},
	{name: "disk-of-a-kernel", args: []string{"wire", "bridge", "--disk", "text"}, exit: exitLabFailed},
	{name: "unknown-firmware", args: []string{"wire", "bridge", "--firmware", "uboot"}, exit: exitLabFailed},
	{name: "stress-of-a-property-that-is-none", args: []string{"stress", "tty:seriall=FT1"}, exit: exitLabFailed},
	{name: "capture-of-a-name-that-is-none", args: []string{"capture", "ssh:lab", "--out", "new"}, exit: exitLabFailed},
	{name: "unknown-kernel", args: []string{"run", "--kernel", "debian-2.0"}, exit: exitLabFailed},
	{name: "unknown-strategy", args: []string{"run", "--strategy", "prayer"}, exit: exitLabFailed},
	{name: "unknown-scenario", args: []string{"run", "--scenario", "lunch"}, exit: exitLabFailed},
	{name: "unknown-injection", args: []string{"run", "--inject", "lunch"}, exit: exitLabFailed},
	{name: "injection-out-of-range", args: []string{"run", "--inject", "share:200%"}, exit: exitLabFailed},
	{name: "no-trials", args: []string{"run", "--trials", "0"}, exit: exitLabFailed},
	{name: "baud-out-of-range", args: []string{"run", "--baud", "1"}, exit: exitLabFailed},
	{name: "unknown-letter", args: []string{"run", "--require", "Z"}, exit: exitLabFailed},
	{name: "out-is-there", args: []string{"run", "--out", "there"}, exit: exitLabFailed},
	{name: "out-cannot-be-made", args: []string{"run", "--out", "text/new"}, exit: exitLabFailed},
	{name: "out-of-the-second-sweep", args: []string{"sweep", "--strategy", "inline,deferred", "--out", "swept"}, exit: exitLabFailed},
	{name: "out-of-a-matrix-cannot-be-made", args: []string{"matrix", "--out", "text/new"}, exit: exitLabFailed},
	{name: "out-of-wire-test", args: []string{"wire", "test", "--only", "rate", "--out", "text/new"}, exit: exitLabFailed},
	{name: "out-of-a-capture", args: []string{"capture", "/dev/null", "--out", "text/new"}, exit: exitLabFailed},
	{name: "out-of-a-capture-is-there", args: []string{"capture", "/dev/null", "--out", "there"}, exit: exitLabFailed},
	{name: "capture-no-port", args: []string{"capture", "/dev/null", "--out", "new"}, exit: exitLabFailed},
	{name: "dry-run-has-no-json", args: []string{"run", "--dry-run", "--json", "--out", "new"}, exit: exitLabFailed},
	{name: "inventory-unknown-key", args: []string{"run", "--inventory", "unknown-key.yaml"}, exit: exitLabFailed},
	{name: "inventory-not-there", args: []string{"boards", "list", "--inventory", "none.yaml"}, exit: exitLabFailed},
	{name: "catalogue-unknown-key", args: []string{"kernels", "list", "--catalogue", "unknown-key.yaml"}, exit: exitLabFailed},
	{name: "kernels-path-unknown", args: []string{"kernels", "path", "debian-2.0"}, exit: exitLabFailed},
	{name: "unknown-command-of-wire", args: []string{"wire", "tst"}, exit: exitLabFailed},
	{name: "unknown-command-of-matrix", args: []string{"matrix", "surival"}, exit: exitLabFailed},
	{name: "unknown-topic-of-help", args: []string{"help", "grad"}, exit: exitLabFailed},
	{name: "unknown-topic-of-help-below", args: []string{"help", "kernels", "bild"}, exit: exitLabFailed},
	{name: "unknown-shell", args: []string{"completion", "tcsh"}, exit: exitLabFailed},
	{name: "arguments-to-run", args: []string{"run", "legacy"}, exit: exitLabFailed},
	{name: "near-scenario", args: []string{"run", "--scenario", "warn-nmi-panik"}, exit: exitLabFailed},
	{name: "near-strategy", args: []string{"sweep", "--strategy", "inlin"}, exit: exitLabFailed},
	{name: "near-flag", args: []string{"run", "--strategies", "inline"}, exit: exitLabFailed},
	{name: "unknown-spread", args: []string{"sweep", "--by", "bites"}, exit: exitLabFailed},
	{name: "flag-no-number", args: []string{"run", "--trials", "many"}, exit: exitLabFailed},
	{name: "flag-no-duration", args: []string{"run", "--phase", "long"}, exit: exitLabFailed},
	{name: "flag-number-too-large", args: []string{"sweep", "--points", "99999999999999999999"}, exit: exitLabFailed},
	{name: "flag-without-value", args: []string{"run", "--out"}, exit: exitLabFailed},
	{name: "kernels-path-not-cached", args: []string{"kernels", "path", "debian-6.12"}, exit: exitLabFailed},
	{name: "cache-cannot-be-written", args: []string{"kernels", "fetch", "debian-6.12"}, exit: exitLabFailed, root: "text/cache"},
	{name: "grade-a-run", args: []string{"grade", "arun"}, exit: exitLabFailed},
	{name: "dmesg-of-a-run", args: []string{"dmesg", "arun/legacy"}, exit: exitLabFailed},
	{name: "dmesg-of-a-trial-without-ring", args: []string{"dmesg", "unfinished"}, exit: exitLabFailed},
	{name: "explain-a-run", args: []string{"explain", "arun"}, exit: exitLabFailed},
	{name: "explain-the-unfinished", args: []string{"explain", "unfinished"}, exit: exitLabFailed},
	{name: "survival-of-a-run", args: []string{"matrix", "survival", "arun"}, exit: exitLabFailed},
	{name: "grade-not-there", args: []string{"grade", "none"}, exit: exitLabFailed},
	{name: "grade-a-file", args: []string{"grade", "text"}, exit: exitLabFailed},
	{name: "vmcore-not-there", args: []string{"dmesg", "none.elf"}, exit: exitLabFailed},
	{name: "vmcore-empty", args: []string{"dmesg", "empty"}, exit: exitLabFailed},
	{name: "vmcore-cut-in-header", args: []string{"dmesg", "cut.elf"}, exit: exitLabFailed},
	{name: "vmcore-foreign", args: []string{"dmesg", "kdump"}, exit: exitLabFailed},
	{name: "vmcore-text", args: []string{"dmesg", "readme"}, exit: exitLabFailed},
	{name: "vmcore-times-of-day", args: []string{"dmesg", "human"}, exit: exitLabFailed},
	{name: "records-of-two-crashes", args: []string{"dmesg", "pstore", "pstore/dmesg-efi-1"}, exit: exitLabFailed},
	{name: "vmcore-lz4", args: []string{"dmesg", "lz4"}, exit: exitLabFailed},
	{name: "vmcore-kernel-unknown", args: []string{"dmesg", "kdump", "--kernel", "mine"}, exit: exitLabFailed},
	{name: "ring-without-out", args: []string{"ring", "kdump"}, exit: exitLabFailed},
	{name: "ring-out-is-there", args: []string{"ring", "kdump", "-o", "text"}, exit: exitLabFailed},
	{name: "ring-of-a-cut-dump", args: []string{"ring", "kdump", "-o", "new"}, exit: exitLabFailed},
	{name: "folder-without-trial", args: []string{"grade", "there"}, exit: exitLabFailed},
	{name: "trial-of-another-schema", args: []string{"grade", "newer"}, exit: exitLabFailed},
	{name: "trial-json-cut", args: []string{"grade", "cut"}, exit: exitLabFailed},
	{name: "grade-nothing", args: []string{"grade"}, exit: exitLabFailed},
	{name: "grade-ring-foreign", args: []string{"grade", "--wire", "text", "--ring", "kdump"}, exit: exitLabFailed},
	{name: "free-wire", args: []string{"run", "--wire", "free", "--out", "new"}, exit: exitLabFailed},
	{name: "unknown-wire", args: []string{"run", "--wire", "barbed", "--out", "new"}, exit: exitLabFailed},
	{name: "no-qemu", args: []string{"run", "--out", "new"}, exit: exitLabFailed, path: "/nonexistent"},
	{name: "no-apt", args: []string{"kernels", "fetch", "debian-6.12"}, exit: exitLabFailed, path: "/nonexistent"},
	{name: "grade-wire-not-there", args: []string{"grade", "--wire", "none.bin"}, exit: exitLabFailed},
}

func TestRefusals(t *testing.T) {
	for _, c := range refusals {
		t.Run(c.name, func(t *testing.T) {
			dir := badInput(t)
			before := listing(t, dir)
			out, errs := c.do(t, dir)
			if out != "" {
				t.Errorf("standard output:\n%s", out)
			}
			if !strings.Contains("\n"+errs, "\nlastpage: ") {
				t.Errorf("no line of standard error begins with the command's name: %q", errs)
			}
			if after := listing(t, dir); after != before {
				t.Errorf("files before:\n%s\nfiles after:\n%s", before, after)
			}
			golden(t, c.name, errs)
		})
	}
}

// doubts are invocations that end with "we cannot tell": the reasons are on standard output, as the figures are that can be had.
var doubts = []call{
	{name: "wire-without-index", args: []string{"grade", "--wire", "text"}, exit: exitInconclusive},
	{name: "trial-unfinished", args: []string{"grade", "unfinished"}, exit: exitInconclusive},
}

func TestDoubts(t *testing.T) {
	for _, c := range doubts {
		t.Run(c.name, func(t *testing.T) {
			out, errs := c.do(t, badInput(t))
			golden(t, c.name, out+errs)
		})
	}
}

// Records of pstore, by their folder and by their names in any order.
func TestDmesgOfRecords(t *testing.T) {
	dir := badInput(t)
	for _, args := range [][]string{{"records"}, {"records/dmesg-efi-1", "records/dmesg-efi-2"}, {"records/dmesg-efi-2", "records/dmesg-efi-1"}} {
		out, errs := (&call{args: append([]string{"dmesg"}, args...)}).do(t, dir)
		if want := "[    1.000000] a\n[    1.500000] b\n[    2.000000] c\n"; out != want || errs != "" {
			t.Errorf("dmesg %v: %q, %q", args, out, errs)
		}
	}
}

// The matrix still answers to the name that it had, and says on standard error that it has another.
func TestOldNameOfMatrix(t *testing.T) {
	dir := badInput(t)
	_, errs := (&call{args: []string{"strategies", "--masks", "--scenario", "warn"}, exit: exitLabFailed}).do(t, dir)
	golden(t, "old-name-of-matrix", errs)
	_, errs = (&call{args: []string{"strategies", "survival", "unfinished"}, exit: exitLabFailed}).do(t, dir)
	golden(t, "old-name-of-survival", errs)
	if out, _ := (&call{args: []string{"--help"}}).do(t, dir); strings.Contains(out, "\n  strategies ") || !strings.Contains(out, "\n  matrix ") {
		t.Errorf("list of commands:\n%s", out)
	}
}

// do runs the command in dir and checks its exit status. The folder does not show in what it gives back.
func (c *call) do(t *testing.T, dir string) (out, errs string) {
	t.Helper()
	t.Chdir(dir)
	t.Setenv("LASTPAGE_CACHE", t.TempDir())
	if c.root != "" {
		t.Setenv("LASTPAGE_CACHE", c.root)
	}
	if c.path != "" {
		t.Setenv("PATH", c.path)
	}
	var o, e bytes.Buffer
	if code := run(context.Background(), c.args, &o, &e); code != c.exit {
		t.Errorf("lastpage %s: exit status %d, want %d\n%s%s", strings.Join(c.args, " "), code, c.exit, &o, &e)
	}
	return o.String(), lists.ReplaceAllString(strings.ReplaceAll(e.String(), dir, "DIR"), "$1$2 (all of them)")
}

// lists are the names that an error offers instead of an unknown one, or of one that does not fit; they grow.
var lists = regexp.MustCompile(`(known:)(?:\n    .*)+|(those that are:)(?: .*)`)

// badInput makes a folder with what the calls name.
func badInput(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	elf := append([]byte("\x7fELF\x02\x01\x01"), make([]byte, 23)...)
	elf[16], elf[18] = 4, 62 // ET_CORE, EM_X86_64
	for name, data := range map[string]string{
		"alone.yaml":       "name: alone\nguest: {script: exit, probe: false}\n",
		"unknown-key.yaml": "boards:\n  - name: a\n    kind: qemu\n    cpuz: 2\n",
		"empty":            "",
		"cut.elf":          string(elf),
		"kdump":            "KDUMP   \x06\x00\x00\x00Linux",
		"lz4":              "\x04\x22\x4d\x18",
		"text":             "[    0.000000] Linux version 6.12\n",
		"readme":           "# A dump\n\nof nothing\n",
		"human":            "[Wed Nov 25 22:28:05 2026] Linux version 6.12\n",
		"newer/trial.json": `{"schema": "lastpage.trial/99"}`,
		"cut/trial.json":   `{"schema": "lastpage.trial/1", "status": "fini`,
		"there/README":     "not a trial\n",
		"swept/deferred/x": "",
		"text.tar":         "[    0.000000] Linux version 6.12\n",
		"good.patch":       "--- a/init/main.c\n+++ b/init/main.c\n@@ -1 +1 @@\n-a\n+b\n",
		"config":           "CONFIG_PRINTK=y\n",
		"arun/run.json":    "{}",

		"arun/legacy/reference/trial.json": "{}",
		"arun/legacy/trial-001/trial.json": "{}",

		"pstore/dmesg-efi-1":   "Panic#1 Part1\n<6>[    2.000000] c\n",
		"pstore/dmesg-efi-2":   "Panic#1 Part1\n<6>[    1.000000] a\n<6>[    1.500000] b\n",
		"records/dmesg-efi-1":  "Panic#1 Part1\n<6>[    2.000000] c\n",
		"records/dmesg-efi-2":  "Panic#1 Part2\n<6>[    1.000000] a\n<6>[    1.500000] b\n",
		"records/console-efi-": "what is not asked for\n",

		"mine.yaml":      "kernels: []\n",
		"linux/Makefile": "VERSION = 7\n",

		"linux/scripts/package/install-extmod-build": "#!/bin/sh\n",

		"unfinished/trial.json": `{"schema": "lastpage.trial/1", "status": "unfinished", "asked": {"plan": {"schema": 1, "run_id": "00000000"}}}`,
		"unfinished/wire.bin":   "[    0.000000] Linux version 6.12\r\n[    0.000000] Comm",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// listing names all files below dir.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	if err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		b.WriteString(strings.TrimPrefix(path, dir) + "\n")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// golden compares text with testdata/NAME.txt.
func golden(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(source, "testdata", name+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (go test . -update makes it)", err)
	}
	if text != string(want) {
		t.Errorf("%s has\n%s\nnow it is\n%s", path, want, text)
	}
}

// source is the folder of this package; tests change theirs.
var source = func() string {
	dir, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	return dir
}()
