// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// realCore is the small core of a trial. makedumpfile 1.7 looks for poisoned pages in the table of pages, which is not in it, unless the kernel
// has no such flag.
func realCore(t testing.TB) (path string, want []byte) {
	t.Helper()
	b := wholeFile(t, "../../harness/grade/testdata/rings/sysrq.elf.gz")
	flag := []byte("NUMBER(PG_hwpoison)")
	if !bytes.Contains(b, flag) {
		t.Fatal("the core has changed")
	}
	path = filepath.Join(t.TempDir(), "ring.elf")
	if err := os.WriteFile(path, bytes.ReplaceAll(b, flag, []byte("NUMBER(PG_hwpoisoX)")), 0o644); err != nil {
		t.Fatal(err)
	}
	log, err := Load(t.Context(), path, LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return path, printed(t, log)
}

// Files that makedumpfile makes of a small core read as the core does, and as makedumpfile itself prints them.
func TestMakedumpfile(t *testing.T) {
	tool, err := exec.LookPath("makedumpfile")
	if err != nil {
		t.Skip("makedumpfile is not installed: there is nobody to make such files")
	}
	core, want := realCore(t)
	for _, c := range []struct {
		args, kind string
		pipe       bool
	}{
		{"-d 0", "kdump-compressed", false},
		{"-c -d 0", "kdump-compressed", false},
		{"-c -d 1", "kdump-compressed", false},
		{"-l -d 0", "kdump-compressed", false},
		{"-p -d 0", "kdump-compressed", false},
		{"-z -d 0", "kdump-compressed", false},
		{"-E -d 1", "ELF core", false},
		{"-F -c -d 0", "flattened kdump-compressed", true},
		{"-F -E -d 1", "flattened ELF core", true},
		{"-c -d 0 --split", "kdump-compressed", false},
	} {
		t.Run(c.args, func(t *testing.T) {
			dir := t.TempDir()
			paths := []string{filepath.Join(dir, "a")}
			if strings.Contains(c.args, "--split") {
				paths = append(paths, filepath.Join(dir, "b"), filepath.Join(dir, "c"))
			}
			cmd := exec.Command(tool, append(strings.Fields(c.args), core)...)
			if c.pipe {
				f, err := os.Create(paths[0])
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = f.Close() }()
				cmd.Stdout = f
			} else {
				cmd.Args = append(cmd.Args, paths...)
			}
			var says bytes.Buffer
			cmd.Stderr = &says
			if err := cmd.Run(); err != nil {
				if strings.Contains(says.String(), "disabled") || strings.Contains(says.String(), "Commandline parameter is invalid") {
					t.Skipf("this makedumpfile was built without it: %s", &says)
				}
				t.Fatalf("%v\n%s", err, &says)
			}
			// It ends with status 0 without a file where it lacks a library.
			if _, err := os.Stat(paths[0]); err != nil {
				t.Skipf("this makedumpfile was built without it: %s", &says)
			}
			log, err := Load(t.Context(), paths[0], LoadOptions{Parts: paths[1:]})
			if err != nil {
				t.Fatal(err)
			}
			samePrint(t, printed(t, log), want)
			if log.Witness.Kind != c.kind {
				t.Errorf("taken for %s, it is %s", log.Witness.Kind, c.kind)
			}
			if c.pipe || len(paths) > 1 || strings.Contains(c.args, "-E") {
				return // it does not print those, or asks for more of the memory
			}
			out := filepath.Join(dir, "log")
			if b, err := exec.Command(tool, "--dump-dmesg", paths[0], out).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, b)
			}
			theirs, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			samePrint(t, joinRecords(want), joinRecords(theirs))
		})
	}
}

// joinRecords takes out what makedumpfile prints otherwise: the indent of further lines, and records without text.
func joinRecords(b []byte) []byte {
	var out [][]byte
	for _, l := range bytes.Split(b, []byte{'\n'}) {
		if _, text, ok := bytes.Cut(l, []byte("] ")); bytes.HasPrefix(l, []byte("[")) && ok && len(text) == 0 {
			continue
		}
		out = append(out, bytes.TrimLeft(l, " "))
	}
	return bytes.Join(out, []byte{'\n'})
}
