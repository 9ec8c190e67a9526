// SPDX-License-Identifier: Apache-2.0

package law

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// setUp runs setup.sh as a user without root and sudo, on a machine where dpkg knows every package or none, and where apt-get refuses.
func setUp(t *testing.T, packages bool, args ...string) (string, error) {
	t.Helper()
	bin := t.TempDir()
	known := "echo installed"
	if !packages {
		known = "exit 1"
	}
	for name, body := range map[string]string{
		"dpkg-query": known,
		"apt-get":    "echo \"apt-get $*\" >>" + filepath.Join(bin, "calls") + "; echo E: refused; exit 100",
		"id":         "echo 1000",
	} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+body+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"awk", "grep", "sed", "tail", "cat", "env", "mktemp", "rm", "mkdir", "mv", "chmod"} {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("/bin/sh", append([]string{"../../setup.sh"}, args...)...)
	cmd.Env = []string{"PATH=" + bin, "LASTPAGE_CACHE=" + filepath.Join(bin, "cache"), "TMPDIR=" + bin}
	out, err := cmd.CombinedOutput()
	calls, rerr := os.ReadFile(filepath.Join(bin, "calls"))
	if rerr != nil && !os.IsNotExist(rerr) {
		t.Fatal(rerr)
	}
	return string(out) + string(calls), err
}

func TestSetupWithoutRootWarnsOfTheWitness(t *testing.T) {
	out, err := setUp(t, true)
	if err != nil {
		t.Fatalf("setup.sh: %v\n%s", err, out)
	}
	for _, want := range []string{"warning: no vmcore-dmesg", "apt-get -q download kexec-tools"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if strings.Contains(out, "apt-get -q update") {
		t.Errorf("a user without root called apt-get update:\n%s", out)
	}
	if out, err := setUp(t, true, "--check"); err != nil || !strings.Contains(out, "optional") {
		t.Errorf("setup.sh --check: %v\n%s", err, out)
	}
}

func TestSetupWithoutRootNamesMissingPackages(t *testing.T) {
	out, err := setUp(t, false)
	var e *exec.ExitError
	if !errors.As(err, &e) || e.ExitCode() != 3 {
		t.Fatalf("setup.sh: %v, want exit status 3\n%s", err, out)
	}
	if !strings.Contains(out, "need root or sudo to install: qemu-system-x86") || strings.Contains(out, "apt-get -q") {
		t.Errorf("setup.sh says\n%s", out)
	}
	if out, err := setUp(t, false, "--check"); err == nil || !strings.Contains(out, "qemu-system-x86") {
		t.Errorf("setup.sh --check: %v\n%s", err, out)
	}
}
