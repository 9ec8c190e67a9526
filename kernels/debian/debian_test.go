// SPDX-License-Identifier: Apache-2.0

package debian

import (
	"archive/tar"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const index = `Package: linux-image-6.12.107+deb12-amd64-unsigned
Version: 6.12.107-1~deb12u1
Depends: kmod, initramfs-tools (>= 0.120+deb8u2) | linux-initramfs-tool
Size: 100
SHA256: aa
Description: Linux 6.12 for 64-bit PCs
 The kernel and modules.
 .
 Version: 9 is not a field here.

Package: linux-image-6.12.9+deb12-amd64-unsigned
Version: 6.12.9-1~deb12u1
Size: 200
SHA256: bb

Package: linux-image-6.12.107+deb12-rt-amd64-unsigned
Version: 6.12.107-2~deb12u1
Size: 300
SHA256: cc

Package: linux-image-6.12.107+deb12-amd64-unsigned
Version: 6.12.107-1~deb12u2
Status: install ok installed
`

func TestNewest(t *testing.T) {
	list := parseStanzas([]byte(index))
	for _, c := range []struct {
		r    Request
		want string
		err  error
	}{
		{Request{Package: "linux-image-6.12.*-amd64-unsigned"}, "aa", nil}, // 107 above 9, rt not, installed only not
		{Request{Package: "linux-image-6.12.*-rt-amd64-unsigned"}, "cc", nil},
		{Request{Package: "linux-image-6.12.*-amd64-unsigned", Version: "6.12.9-1~deb12u1"}, "bb", nil},
		{Request{Package: "linux-image-6.12.9+deb12-amd64-unsigned"}, "bb", nil},
		{Request{Package: "linux-image-*-cloud-amd64-unsigned"}, "", ErrUnknown},
		{Request{Package: "linux-image-6.12.*-amd64-unsigned", Version: "7"}, "", ErrUnknown},
	} {
		p, err := newest(list, c.r)
		if p.SHA256 != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: %+v, %v; want %s, %v", c.r, p, err, c.want, c.err)
		}
	}
	if _, err := newest([]map[string]string{{"Package": "a", "Version": "not one", "SHA256": "x", "Size": "1"}}, Request{Package: "a"}); err == nil {
		t.Error("a version that is none was taken")
	}
}

func FuzzParseStanzas(f *testing.F) {
	f.Add([]byte(index))
	f.Add([]byte("Package: a\n b\n\tc\n:\n\n\n\nPackage:\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, s := range parseStanzas(data) {
			if s["Package"] == "" {
				t.Errorf("a stanza without a package: %q", s)
			}
		}
	})
}

func TestSources(t *testing.T) {
	list := parseTargets([]byte(`trixie|http://mirror.example/debian/|main
trixie|http://mirror.example/debian/|contrib
trixie-updates|http://mirror.example/debian/|main
trixie-security|http://security.example/debian-security/|main
nodistro|https://third.example/node/|main
broken line
$(RELEASE)|x|main
`))
	for _, c := range []struct {
		suite string
		want  []string
	}{
		{"", []string{"http://mirror.example/debian/ trixie main", "http://mirror.example/debian/ trixie-updates main",
			"http://security.example/debian-security/ trixie-security main"}},
		{"trixie-backports", []string{"http://mirror.example/debian/ trixie-backports main"}},
	} {
		got, err := sourcesFor(list, "trixie", c.suite)
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for l := range strings.Lines(got) {
			_, after, _ := strings.Cut(strings.TrimSpace(l), "] ")
			lines = append(lines, after)
		}
		if d := cmp.Diff(c.want, lines); d != "" {
			t.Errorf("suite %q: %s", c.suite, d)
		}
	}
	if _, err := sourcesFor(list[4:], "trixie", ""); err == nil || !strings.Contains(err.Error(), "no Debian mirror") {
		t.Errorf("third party only: %v", err)
	}
}

func TestConfKeepsTheNetworkAndNoHooks(t *testing.T) {
	got := confFor("/cache/apt/x", `Acquire::http::Proxy "http://proxy.example:3128";
Acquire::IndexTargets::deb::DEP-11::KeepCompressed "true";
APT::Update::Post-Invoke:: "rm -f /var/cache/apt/archives/*.deb";
Dir::State "var/lib/apt";
`)
	for _, want := range []string{`Acquire::http::Proxy "http://proxy.example:3128";`, `Dir::State "/cache/apt/x/state";`, `Dir::Etc::parts "/dev/null";`} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
	for _, not := range []string{"Post-Invoke", "DEP-11", "var/lib"} {
		if strings.Contains(got, not) {
			t.Errorf("%s in\n%s", not, got)
		}
	}
}

func TestHeaderDepends(t *testing.T) {
	for _, c := range []struct {
		depends string
		want    []Request
	}{
		{"linux-base (>= 4.12~), linux-headers-6.12.117+deb12-common (= 6.12.117-1~deb12u1), linux-image-6.12.117+deb12-amd64 (= 6.12.117-1~deb12u1) | linux-image-6.12.117+deb12-amd64-unsigned (= 6.12.117-1~deb12u1), linux-kbuild-6.12.117+deb12, gcc-12",
			[]Request{{Package: "linux-headers-6.12.117+deb12-common", Version: "6.12.117-1~deb12u1"}, {Package: "linux-kbuild-6.12.117+deb12"}}},
		{"linux-headers-6.1.0-56-common-rt (= 6.1.192-2), linux-kbuild-6.1 (>= 6.1.192-2), linux-compiler-gcc-12-x86 (>= 6.1.192-2)",
			[]Request{{Package: "linux-headers-6.1.0-56-common-rt", Version: "6.1.192-2"}, {Package: "linux-kbuild-6.1", Version: "6.1.192-2"}}},
		{"", nil},
	} {
		if d := cmp.Diff(c.want, headerDepends(c.depends)); d != "" {
			t.Errorf("%s: %s", c.depends, d)
		}
	}
}

func tarball(t *testing.T, list ...tar.Header) *bytes.Buffer {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range list {
		h.Size = int64(len(h.Uname)) // the content rides in a field that is not kept
		content := h.Uname
		h.Uname = ""
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &b
}

func TestUntar(t *testing.T) {
	dir := t.TempDir()
	err := untar(tarball(t,
		tar.Header{Name: "./", Typeflag: tar.TypeDir},
		tar.Header{Name: "./usr/src/headers/Makefile", Typeflag: tar.TypeReg, Mode: 0o4755, Uname: "include x\n"},
		tar.Header{Name: "./usr/src/headers/scripts", Typeflag: tar.TypeSymlink, Linkname: "/usr/lib/kbuild/scripts"},
		tar.Header{Name: "./usr/lib/kbuild/scripts/mod", Typeflag: tar.TypeReg, Mode: 0o444, Uname: "tool"},
		tar.Header{Name: "./unwanted", Typeflag: tar.TypeReg, Uname: "x"},
	), dir, func(n string) bool { return n != "unwanted" })
	if err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(filepath.Join(dir, "usr/src/headers/scripts/mod")); err != nil || string(data) != "tool" {
		t.Errorf("through the link that was absolute: %q, %v", data, err)
	}
	if st, err := os.Stat(filepath.Join(dir, "usr/src/headers/Makefile")); err != nil || st.Mode() != 0o755 {
		t.Errorf("mode %v, %v", st.Mode(), err)
	}
	if _, err := os.Stat(filepath.Join(dir, "unwanted")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("unwanted: %v", err)
	}
}

func TestUntarStaysInside(t *testing.T) {
	for name, list := range map[string][]tar.Header{
		"dots":    {{Name: "../evil", Typeflag: tar.TypeReg}},
		"link":    {{Name: "a", Typeflag: tar.TypeSymlink, Linkname: "../.."}, {Name: "a/evil", Typeflag: tar.TypeReg}},
		"hard":    {{Name: "a", Typeflag: tar.TypeLink, Linkname: "../../etc/passwd"}},
		"device":  {{Name: "a", Typeflag: tar.TypeChar}},
		"missing": {{Name: "a", Typeflag: tar.TypeLink, Linkname: "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			outer := t.TempDir()
			dir := filepath.Join(outer, "x", "y")
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := untar(tarball(t, list...), dir, nil); err == nil {
				t.Error("no error")
			}
			if _, err := os.Stat(filepath.Join(outer, "evil")); err == nil {
				t.Error("wrote outside")
			}
		})
	}
}

func TestMemory(t *testing.T) {
	t.Setenv("LASTPAGE_CACHE", t.TempDir())
	r := Request{Package: "a-*", Suite: "s"}
	if _, ok := recall(r); ok {
		t.Error("remembers what was never asked")
	}
	want := Provenance{Package: "a-1", Version: "1", SHA256: "aa", Size: 7, Suite: "s", Depends: "b"}
	if err := remember(r, want); err != nil {
		t.Fatal(err)
	}
	if got, ok := recall(r); !ok || got != want {
		t.Errorf("%+v, %v", got, ok)
	}
	if _, ok := recall(Request{Package: "a-*"}); ok {
		t.Error("another suite's answer")
	}
	file, err := memo(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(`{"is":`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, ok := recall(r); ok {
		t.Error("a damaged memory was believed")
	}
}

func TestBadNames(t *testing.T) {
	t.Setenv("LASTPAGE_CACHE", t.TempDir())
	for _, r := range []Request{{}, {Package: "-o=Dir::x"}, {Package: "a b"}, {Package: "a", Suite: "../../x"}, {Package: "a", Version: "1;rm"}} {
		var fe *FetchError
		if _, _, err := Fetch(t.Context(), r, nil); !errors.As(err, &fe) {
			t.Errorf("%+v: %v", r, err)
		}
	}
}
