// SPDX-License-Identifier: Apache-2.0

package vuart

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func installed(t *testing.T) Binary {
	t.Helper()
	if _, err := exec.LookPath("qemu-system-x86_64"); err != nil {
		t.Skip("no QEMU here")
	}
	bin, err := Identify(t.Context(), "qemu-system-x86_64")
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

// TestSelfTest runs the guest on the installed QEMU, past the cache.
func TestSelfTest(t *testing.T) {
	bin := installed(t)
	plugin, err := Build(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	fit, err := try(t.Context(), t.TempDir(), bin, plugin)
	if err != nil {
		t.Fatal(err)
	}
	if !fit.FastForward || !fit.FairTurns {
		t.Errorf("%+v: want fast-forward and fair turns", fit)
	}
}

// TestSelfTestRefuses: a program that is no QEMU, and one that cannot load the plugin.
func TestSelfTestRefuses(t *testing.T) {
	t.Setenv("LASTPAGE_CACHE", t.TempDir())
	fake := filepath.Join(t.TempDir(), "qemu")
	if err := os.WriteFile(fake, []byte("#!/bin/sh\necho undefined symbol: isa_get_irq >&2; exit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{fake, "/nonexistent/qemu"} {
		if _, err := SelfTest(t.Context(), q); !errors.Is(err, ErrUnfit) {
			t.Errorf("%s: %v", q, err)
		} else {
			t.Log(err)
		}
	}
}

// TestSelfTestNewQEMU: a wrapper that starts another QEMU than before is tested again, though it is the same file itself.
func TestSelfTestNewQEMU(t *testing.T) {
	old := installed(t)
	t.Setenv("QEMU_MODULE_DIR", "/usr/lib/x86_64-linux-gnu/qemu") // a copy looks for them beside itself
	cache := t.TempDir()
	t.Setenv("LASTPAGE_CACHE", cache)
	dir := t.TempDir()
	data, err := os.ReadFile(old.Path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/new", append(data, "new"...), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, script := range map[string]string{"exec": "exec %s -L %s \"$@\"\n", "waits": "%s -L %s \"$@\"\n"} {
		link, wrapper := dir+"/link-"+name, dir+"/"+name
		if err := os.WriteFile(wrapper, fmt.Appendf(nil, "#!/bin/sh\n"+script, link, "/usr/share/qemu"), 0o755); err != nil {
			t.Fatal(err)
		}
		var tested []int
		for _, target := range []string{old.Path, old.Path, dir + "/new"} {
			os.Remove(link)
			if err := os.Symlink(target, link); err != nil {
				t.Fatal(err)
			}
			fit, err := SelfTest(t.Context(), wrapper)
			if err != nil {
				t.Fatal(err)
			}
			if want, err := digest(target); err != nil || fit.SHA256 != want {
				t.Errorf("%s: %s runs, %s was found (%v)", name, want, fit.SHA256, err)
			}
			passes, err := filepath.Glob(cache + "/vuart-fit/*/fitness.json")
			if err != nil {
				t.Fatal(err)
			}
			tested = append(tested, len(passes))
		}
		if tested[1] != tested[0] || tested[2] != tested[0]+1 {
			t.Errorf("%s: %v passes: want the same QEMU tested once, the new one again", name, tested)
		}
	}
}
