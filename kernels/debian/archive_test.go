// SPDX-License-Identifier: Apache-2.0

package debian

import (
	"errors"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// needArchive skips only if this machine is no Debian or its mirror does not answer at all; with a mirror that answers, a
// failing fetch is a failure.
func needArchive(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: would use the network")
	}
	out, err := output(t.Context(), "", nil, "apt-get", "indextargets", "--format", targetFormat, "Created-By: Packages")
	if err != nil {
		t.Skipf("no apt here: %v", err)
	}
	if proxy, err := output(t.Context(), "", nil, "apt-config", "dump", "Acquire::http::Proxy"); err == nil && strings.Contains(string(proxy), "//") {
		return // the mirror need not be reachable directly
	}
	for _, tg := range parseTargets(out) {
		u, err := url.Parse(tg.uri)
		if err != nil || u.Host == "" {
			continue
		}
		port := u.Port()
		if port == "" {
			port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
		}
		c, err := net.DialTimeout("tcp", net.JoinHostPort(u.Hostname(), port), 5*time.Second)
		if err != nil {
			t.Skipf("the Debian mirror does not answer: %v", err)
		}
		c.Close()
		return
	}
	t.Skip("this machine's apt has no mirror on the network")
}

func TestFetchFromTheArchive(t *testing.T) {
	needArchive(t)
	t.Setenv("LASTPAGE_CACHE", t.TempDir())
	r := Request{Package: "linux-kbuild-6.1"}
	var said strings.Builder
	deb, prov, err := Fetch(t.Context(), r, &said)
	if err != nil {
		t.Fatal(err)
	}
	if prov.Package != "linux-kbuild-6.1" || !strings.HasPrefix(prov.Version, "6.1.") || len(prov.SHA256) != 64 || prov.Size <= 0 {
		t.Errorf("provenance %+v", prov)
	}
	if err := checkSum(deb, prov.SHA256); err != nil {
		t.Error(err)
	}
	if !strings.Contains(said.String(), "downloading linux-kbuild-6.1") {
		t.Errorf("progress %q", said.String())
	}
	dir := t.TempDir()
	if err := Unpack(t.Context(), deb, dir, func(n string) bool { return filepath.Base(n) == "modpost" }); err != nil {
		t.Fatal(err)
	}
	if got, _ := filepath.Glob(dir + "/usr/lib/linux-kbuild-6.1/scripts/mod/modpost"); len(got) != 1 {
		t.Error("modpost was not unpacked")
	}

	// No apt any more, as without network: what is known stays known, what is not names itself and the cure.
	t.Setenv("PATH", t.TempDir())
	again, prov2, err := Fetch(t.Context(), r, nil)
	if err != nil || again != deb || prov2 != prov {
		t.Errorf("offline: %s, %+v, %v", again, prov2, err)
	}
	_, _, err = Fetch(t.Context(), Request{Package: "linux-kbuild-6.12.*"}, nil)
	var fe *FetchError
	if !errors.As(err, &fe) || !strings.Contains(err.Error(), "linux-kbuild-6.12.*") || !strings.Contains(err.Error(), "cure:") {
		t.Errorf("offline and unknown: %v", err)
	}
	root := os.Getenv("LASTPAGE_CACHE")
	if left, _ := filepath.Glob(root + "/deb/.*.tmp-*"); len(left) != 0 {
		t.Errorf("left %q", left)
	}
}

func TestUnknownPackage(t *testing.T) {
	needArchive(t)
	t.Setenv("LASTPAGE_CACHE", t.TempDir())
	_, _, err := Fetch(t.Context(), Request{Package: "linux-image-2.6.*-amd64-unsigned"}, nil)
	if !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), "linux-image-2.6.*-amd64-unsigned") {
		t.Errorf("got %v", err)
	}
}
