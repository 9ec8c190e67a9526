// SPDX-License-Identifier: Apache-2.0

// Package debian brings packages of the Debian archive into the store. It asks the machine's own apt, with the machine's own
// mirrors, proxies and keys, but with private lists and caches, so the state of the user's apt is neither needed nor touched,
// no privilege is needed and nothing is installed. apt checks the signatures.
//
// In: a name or glob and a suite. Out: a .deb in the store and what it is exactly (Provenance). What a request resolved to is
// remembered, so that a machine without network keeps working with what it has, and with the same versions.
package debian

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"lastpage/kernels/store"
)

// Request names a package.
type Request struct {
	// Package is a name or a glob in which '*' and '?' stand for anything but '-': "linux-image-6.12.*-amd64-unsigned" does
	// not match the rt and cloud flavours. Of several matches the one with the highest version is taken.
	Package string `yaml:"package" json:"package"`
	// Suite is a suite of the machine's main Debian mirror, such as "trixie-backports"; empty means the suites of the
	// machine's own release (with its updates and security).
	Suite string `yaml:"suite,omitempty" json:"suite,omitempty"`
	// Version, if not empty, is the one version wanted.
	Version string `yaml:"version,omitempty" json:"version,omitempty"`
	// Refresh looks for a newer version even if an earlier answer is remembered.
	Refresh bool `yaml:"-" json:"-"`
}

// Provenance says exactly which package was used.
type Provenance struct {
	Package string `json:"package"`
	Version string `json:"version"`
	SHA256  string `json:"sha256"`
	Size    int64  `json:"size"`              // bytes of the .deb
	Suite   string `json:"suite,omitempty"`   // as asked
	Depends string `json:"depends,omitempty"` // as the archive's index has it
}

func (r Request) String() string {
	s := r.Package
	if r.Version != "" {
		s += "=" + r.Version
	}
	if r.Suite != "" {
		s += " (" + r.Suite + ")"
	}
	return s
}

// FetchError says which package could not be had, why, and what to do about it.
type FetchError struct {
	Request Request
	Err     error
}

func (e *FetchError) Error() string {
	cure := "check the network and the machine's apt sources (apt-get update must work), then try again; what is in the cache stays usable"
	var cache *store.WriteError
	switch {
	case errors.As(e.Err, &cache): // it brings its own
		return fmt.Sprintf("fetch %s: %v", e.Request, e.Err)
	case errors.Is(e.Err, exec.ErrNotFound):
		cure = "use a Debian machine, or one on which what is needed is in the cache already; a tree of your own needs no apt (--tree)"
	case errors.Is(e.Err, ErrUnknown):
		cure = "look for its name with `apt-cache search`, or correct the catalogue entry"
	}
	return fmt.Sprintf("fetch %s: %v\n  cure: %s", e.Request, e.Err, cure)
}

func (e *FetchError) Unwrap() error { return e.Err }

// ErrUnknown: the archive was asked and has no such package.
var ErrUnknown = errors.New("no such package in the archive")

// Fetch resolves r and brings the package into the store. It uses the network only if the resolution is not remembered, the
// package is not in the store, or r.Refresh. progress may be nil. The returned error is a *FetchError unless ctx ended or is store.Only's.
func Fetch(ctx context.Context, r Request, progress io.Writer) (deb string, prov Provenance, err error) {
	if progress == nil {
		progress = io.Discard
	}
	deb, prov, err = fetch(ctx, r, progress)
	var absent *store.AbsentError
	if err != nil && ctx.Err() == nil && !errors.As(err, &absent) {
		err = &FetchError{Request: r, Err: err}
	}
	return deb, prov, err
}

func fetch(ctx context.Context, r Request, progress io.Writer) (string, Provenance, error) {
	if err := r.check(); err != nil {
		return "", Provenance{}, err
	}
	prov, known := recall(r)
	if !known || r.Refresh {
		if err := store.Absent(ctx, "package "+r.String()); err != nil {
			return "", Provenance{}, err
		}
		var err error
		if prov, err = resolve(ctx, r, r.Refresh, progress); err != nil {
			return "", Provenance{}, err
		}
	}
	deb, err := download(ctx, prov, progress)
	var here *store.WriteError // not the archive's doing
	var absent *store.AbsentError
	switch {
	case errors.As(err, &absent):
		absent.What = "package " + prov.Package + " " + prov.Version
		return "", prov, absent
	case err == nil || ctx.Err() != nil || errors.As(err, &here):
		return deb, prov, err
	}
	// The archive drops old versions of packages: what was remembered, or stands in lists a day old, may be gone.
	again, err2 := resolve(ctx, r, true, progress)
	if err2 != nil || again.SHA256 == prov.SHA256 {
		return "", Provenance{}, errors.Join(err, err2)
	}
	deb, err = download(ctx, again, progress)
	return deb, again, err
}

func (r Request) check() error {
	for _, s := range []string{r.Package, r.Suite, r.Version} {
		if strings.ContainsAny(s, " \t\n/'\"\\$;|&<>()[]{}") || strings.HasPrefix(s, "-") {
			return fmt.Errorf("%q: not a name", s)
		}
	}
	if r.Package == "" {
		return errors.New("empty package name")
	}
	return nil
}

// download puts the .deb into the store under its SHA-256, which apt has checked against the signed index, and we again.
func download(ctx context.Context, p Provenance, progress io.Writer) (string, error) {
	dir, err := store.Do(ctx, "deb", p.SHA256, progress, func(ctx context.Context, tmp string) error {
		fmt.Fprintf(progress, "downloading %s %s (%.1f MB)\n", p.Package, p.Version, float64(p.Size)/1e6)
		a, err := apt(ctx, p.Suite)
		if err != nil {
			return err
		}
		if _, err := a.run(ctx, tmp, "apt-get", "download", p.Package+"="+p.Version); err != nil {
			if strings.Contains(err.Error(), syscall.ENOSPC.Error()) || strings.Contains(err.Error(), "No space left on device") {
				return store.Wrote(tmp, syscall.ENOSPC)
			}
			return err
		}
		got, err := filepath.Glob(filepath.Join(tmp, "*.deb"))
		if err != nil || len(got) != 1 {
			return fmt.Errorf("apt-get download %s: %d packages arrived", p.Package, len(got))
		}
		if err := checkSum(got[0], p.SHA256); err != nil {
			return err
		}
		return os.Rename(got[0], filepath.Join(tmp, "package.deb"))
	})
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "package.deb"), nil
}
