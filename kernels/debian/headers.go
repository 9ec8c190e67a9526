// SPDX-License-Identifier: Apache-2.0

package debian

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"lastpage/kernels/store"
)

// UnpackHeaders unpacks a linux-headers package that is a file of the user's into the store and returns the folder in which modules are
// built. That of make bindeb-pkg is whole in itself. Debian's needs linux-headers-*-common and linux-kbuild, which must lie beside it.
func UnpackHeaders(ctx context.Context, deb string, progress io.Writer) (string, error) {
	name, err := field(ctx, deb, "Package")
	if err != nil {
		return "", err
	}
	if !strings.HasPrefix(name, "linux-headers-") {
		return "", fmt.Errorf("package %s: it is %s, want linux-headers-RELEASE", deb, name)
	}
	depends, err := field(ctx, deb, "Depends")
	if err != nil {
		return "", err
	}
	debs := []string{deb}
	for _, d := range headerDepends(depends) {
		beside, err := filepath.Glob(filepath.Join(filepath.Dir(deb), d.Package+"_*.deb"))
		if err != nil {
			return "", err
		}
		if len(beside) != 1 {
			return "", fmt.Errorf("package %s: it needs %s, of which %d files lie beside it (%s_*.deb): put the one that fits there", deb, d.Package, len(beside), d.Package)
		}
		debs = append(debs, beside[0])
	}
	if len(debs) > 1 {
		if runs, err := runsHere(ctx, debs[len(debs)-1]); err != nil {
			return "", err
		} else if !runs {
			return "", fmt.Errorf("package %s: its programs want a newer C library than this machine has: name the kernel in the catalogue, by package and suite", debs[len(debs)-1])
		}
	}
	key := []string{"own", "1"}
	for _, d := range debs {
		sum, err := sumOf(d)
		if err != nil {
			return "", err
		}
		key = append(key, sum)
	}
	return unpackHeaders(ctx, name, store.Key(key...), debs, &tools{}, progress)
}

// field is a field of a package's control file (deb-control(5)); "" if it is not there.
func field(ctx context.Context, deb, name string) (string, error) {
	out, err := store.Command(ctx, "", "dpkg-deb", "--field", deb, name).Output()
	if err != nil {
		if ctx.Err() != nil {
			return "", errors.Join(ctx.Err(), err)
		}
		return "", fmt.Errorf("read package %s: it is cut or no package (dpkg-deb: %w)", deb, err)
	}
	return strings.TrimSpace(string(out)), nil
}
