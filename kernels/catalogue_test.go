// SPDX-License-Identifier: Apache-2.0

package kernels

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"lastpage/kernels/names"
)

func user(t *testing.T, text string) string {
	t.Helper()
	f := filepath.Join(t.TempDir(), "mine.yaml")
	if err := os.WriteFile(f, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestBuiltinCatalogue(t *testing.T) {
	t.Setenv(CatalogueEnv, "")
	c, err := LoadCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	for name, console := range map[string]Console{"debian-6.12": ConsoleLegacy, "debian-6.12-rt": ConsoleNBCON, "debian-6.12-cloud": ConsoleLegacy,
		"debian-6.1-rt": ConsoleEarlyAtomic, "debian-6.1": ConsoleLegacy} {
		k, err := c.Kernel(name)
		if err != nil {
			t.Error(err)
			continue
		}
		if k.Console != console || !strings.Contains(k.Cmdline, "console=ttyS0,115200") || !strings.Contains(k.Cmdline, "unknown_nmi_panic") {
			t.Errorf("%+v", k)
		}
	}
	plain, _ := c.Kernel(Strategic)
	for _, name := range []string{"inline-rt", "deferred-rt"} {
		st, err := c.Strategy(name)
		if err != nil {
			t.Fatal(err)
		}
		rt, err := c.Kernel(st.Kernel)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := rt.Source.Build.spec(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		b := *rt.Source.Build
		b.Options = nil
		if got := rt.Source.Build.Options; !slices.Equal(got, []string{"CONFIG_PREEMPT_RT=y"}) || !reflect.DeepEqual(b, *plain.Source.Build) || rt.Cmdline != plain.Cmdline {
			t.Errorf("%s: want %s with PREEMPT_RT and nothing else: %+v", name, Strategic, rt)
		}
	}
	for _, s := range c.Strategies {
		if s.StandsFor == "" {
			t.Errorf("strategy %s does not say what it stands for", s.Name)
		}
	}
}

const mine = `kernels:
  - name: mine
    console: nbcon
    cmdline: console=ttyS0
    source: {debian-image: {package: linux-image-9.*-amd64-unsigned, suite: forky}}
strategies:
  - {name: legacy, kernel: mine, cmdline: quiet, stands_for: something else}
`

// built is a catalogue with a kernel that is compiled, with more keys.
func built(more string) string {
	return "kernels: [{name: b, console: nbcon, cmdline: console=ttyS0, source: {build: {dir: /usr/src/linux, " + more + "}}}]\n"
}

func TestMerge(t *testing.T) {
	t.Setenv(CatalogueEnv, user(t, mine))
	c, err := LoadCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	k, err := c.Kernel("mine")
	if err != nil || k.Source.DebianImage.Suite != "forky" {
		t.Errorf("%+v, %v", k, err)
	}
	if s, err := c.Strategy("legacy"); err != nil || s.Kernel != "mine" || s.Cmdline != "quiet" {
		t.Errorf("not replaced: %+v, %v", s, err)
	}
	if _, err := c.Kernel("debian-6.12"); err != nil {
		t.Error(err)
	}
	var unknown *names.UnknownError
	if _, err := c.Kernel("nonesuch"); !errors.As(err, &unknown) || !strings.Contains(err.Error(), "debian-6.12-rt") {
		t.Errorf("unknown: %v", err)
	}
}

func TestCatalogueIsStrict(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"kernels:\n  - name: x\n    consol: legacy\n", "[3:5] unknown field"},
		{"kernel: []\n", "[1:1] unknown field"},
		{"strategies:\n  - {name: a, kernel: debian-6.12, flags: x}\n", "[2:"},
		{strings.Replace(mine, "nbcon", "fast", 1), `console "fast"`},
		{strings.Replace(mine, "name: mine", "name: Mine!", 1), "small letters"},
		{strings.Replace(mine, "{debian-image: {package: linux-image-9.*-amd64-unsigned, suite: forky}}", "{}", 1), "none given"},
		{strings.Replace(mine, "linux-image-9.*-amd64-unsigned", "linux-image-amd64", 1), "want linux-image-*-amd64"},
		{strings.Replace(mine, "suite: forky", "sweet: forky", 1), "sweet"},
		{strings.Replace(mine, "kernel: mine", "kernel: yours", 1), `no kernel "yours"`},
		{strings.Replace(mine, "cmdline: console=ttyS0", `cmdline: ""`, 1), "no cmdline"},
		{mine + "  - {name: legacy, kernel: mine, stands_for: twice}\n", "named twice"},
		{"kernels: [\n", "mine.yaml"},
		{built("options: [PREEMPT_RT]"), `options: "PREEMPT_RT" sets nothing`},
		{built("options: [CONFIG_A=y, CONFIG_A=m]"), "CONFIG_A is set twice"},
		{built("options: [CONFIG_A=y], config: my.config"), "want one of them"},
	} {
		_, err := LoadCatalogue(user(t, c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "mine.yaml") {
			t.Errorf("%q:\n got %v\nwant %q and the file's name", c.text, err, c.want)
		}
	}
	if _, err := LoadCatalogue("/nonexistent/x.yaml"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}
