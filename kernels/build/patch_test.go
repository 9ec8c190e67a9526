// SPDX-License-Identifier: Apache-2.0

package build

import (
	"slices"
	"strings"
	"testing"
)

func TestTouches(t *testing.T) {
	for _, c := range []struct {
		name, text, want, err string
	}{
		{"plain", "--- a/k/p.c\t2026-01-01\n+++ b/k/p.c\n@@ -1 +1 @@\n-a\n+b\n", "k/p.c", ""},
		{"new", "diff --git a/n b/n\n--- /dev/null\n+++ b/n\n@@ -0,0 +1 @@\n+b\n", "n", ""},
		{"removed", "--- a/n\n+++ /dev/null\n@@ -1 +0,0 @@\n-b\n", "n", ""},
		{"mail", "Subject: x\n---\n k/p.c | 2 +-\n--- a/k/p.c\n+++ b/k/p.c\n@@ -1 +1 @@\n--- not/a/file\n+++ nor/this\n-- \n2.39\n", "k/p.c", ""},
		{"two", "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n c\n-a\n+b\n--- a/y\n+++ b/y\n@@ -1 +1 @@\n-a\n+b\n", "x y", ""},
		{"leaves", "--- a/../x\n+++ b/../x\n@@ -1 +1 @@\n-a\n+b\n", "", "want a name below"},
		{"absolute", "--- /etc/passwd\n+++ /etc/passwd\n@@ -1 +1 @@\n-a\n+b\n", "etc/passwd", ""},
		{"binary", "diff --git a/x b/x\nGIT binary patch\n", "", "not supported"},
		{"rename", "diff --git a/x b/y\nrename from x\nrename to y\n", "", "not supported"},
		{"empty", "hello\n", "", "changes no file"},
	} {
		got, err := Patch{Name: c.name, Data: []byte(c.text)}.touches()
		slices.Sort(got)
		got = slices.Compact(got)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: error %v, want %q", c.name, err, c.err)
			}
			continue
		}
		if err != nil || strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, %v, want %s", c.name, got, err, c.want)
		}
	}
}

func FuzzTouches(f *testing.F) {
	f.Add([]byte("--- a/k/p.c\n+++ b/k/p.c\n@@ -1,3 +1,3 @@\n a\n-b\n+c\n d\n"))
	f.Add([]byte("@@ -99999999999999999999 +1 @@\n+++ b/../../x\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		names, err := Patch{Name: "fuzz", Data: data}.touches()
		if err != nil {
			return
		}
		for _, n := range names {
			if strings.HasPrefix(n, "/") || n == ".." || strings.HasPrefix(n, "../") {
				t.Errorf("%q leaves the tree", n)
			}
		}
	})
}

func TestMissing(t *testing.T) {
	fragment := "# why\nCONFIG_A=y\n# CONFIG_B is not set\nCONFIG_N=3\n# CONFIG_GONE is not set\n\nCONFIG_S=\"x\"\n"
	for config, want := range map[string]string{
		"CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_N=3\nCONFIG_S=\"x\"\n": "",
		"CONFIG_A=m\nCONFIG_B=y\nCONFIG_N=3\nCONFIG_S=\"x\"\n":            "CONFIG_A=y # CONFIG_B is not set",
		"": "CONFIG_A=y CONFIG_N=3 CONFIG_S=\"x\"",
	} {
		if got := strings.Join(missing([]byte(fragment), []byte(config)), " "); got != want {
			t.Errorf("%q: missing %q, want %q", config, got, want)
		}
	}
}

func TestConfigWith(t *testing.T) {
	c := Config{Fragment: []byte("# why\nCONFIG_A=y\nCONFIG_AB=1\n# CONFIG_C is not set\n"), Objects: 3}
	got, err := c.With([]string{"# CONFIG_A is not set", "CONFIG_C=y", `CONFIG_D="x y"`})
	if err != nil {
		t.Fatal(err)
	}
	if want := "# why\nCONFIG_AB=1\n# CONFIG_A is not set\nCONFIG_C=y\nCONFIG_D=\"x y\"\n"; string(got.Fragment) != want || got.Objects != 3 {
		t.Errorf("got %q, want %q", got.Fragment, want)
	}
	if same, err := c.With(nil); err != nil || same.key() != c.key() || got.key() == c.key() {
		t.Errorf("key: %v", err)
	}
	for _, bad := range [][]string{{"A=y"}, {"CONFIG_A"}, {"CONFIG_A="}, {"# CONFIG_A is set"}, {"CONFIG_A=y", "# CONFIG_A is not set"}} {
		if _, err := c.With(bad); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

func TestFirstError(t *testing.T) {
	log := "  CC      a.o\nIn file included from x.c:3:\ny.h: In function 'f':\ny.h:9:2: error: 'z' undeclared\n    9 |  z\n      |  ^\n" +
		"make[3]: *** [scripts/Makefile.build:289: x.o] Error 1\n"
	want := "In file included from x.c:3:\ny.h: In function 'f':\n" + log[strings.Index(log, "y.h:9:2"):]
	if got := firstError(strings.NewReader(log)); got != strings.TrimSpace(want) {
		t.Errorf("got:\n%s", got)
	}
	many := strings.Repeat("x.c:1:1: error: no\n", 100)
	if got := firstError(strings.NewReader(many)); strings.Count(got, "\n")+1 != maxErrorLines {
		t.Errorf("%d lines", strings.Count(got, "\n")+1)
	}
	if got := firstError(strings.NewReader("a\nb")); got != "a\nb" {
		t.Errorf("no error line: %q", got)
	}
}

func TestPickRef(t *testing.T) {
	a, b := strings.Repeat("a", 40), strings.Repeat("b", 40)
	for out, want := range map[string]string{
		"":                        "",
		a + "\trefs/heads/master": a,
		a + "\trefs/tags/v7.3\n" + b + "\trefs/tags/v7.3^{}\n": b,
		"fatal: no": "",
	} {
		if got := pickRef(out); got != want {
			t.Errorf("%q: %q, want %q", out, got, want)
		}
	}
}
