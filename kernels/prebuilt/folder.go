// SPDX-License-Identifier: Apache-2.0

package prebuilt

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"lastpage/kernels/store"
)

// Where a kernel's own build says which release it is of.
var releaseFiles = []string{"include/config/kernel.release", "include/generated/utsrelease.h"}

var utsRelease = regexp.MustCompile(`UTS_RELEASE "([^"]+)"`)

// releaseOf is the release that a build folder, or headers, are of; "" if it is none.
func releaseOf(dir string) string {
	for _, f := range releaseFiles {
		data, err := os.ReadFile(filepath.Join(dir, f))
		if err != nil {
			continue
		}
		if m := utsRelease.FindSubmatch(data); m != nil {
			return string(m[1])
		}
		return strings.TrimSpace(string(data))
	}
	return ""
}

// findBuild finds a folder in which modules for a release can be built: the one that the image was built in, those of this machine, and what
// this program has unpacked.
func findBuild(image, release string) (string, error) {
	var dirs []string
	if real, err := filepath.EvalSymlinks(image); err == nil {
		for dir := filepath.Dir(real); len(dirs) < 8 && dir != "/"; dir = filepath.Dir(dir) { // D/arch/x86/boot/bzImage
			dirs = append(dirs, dir, filepath.Join(dir, "build"))
		}
	}
	dirs = append(dirs, filepath.Join("/lib/modules", release, "build"), filepath.Join("/usr/src", "linux-headers-"+release))
	if root, err := store.Root(); err == nil {
		found, _ := filepath.Glob(filepath.Join(root, "headers", "*", "usr/src", "linux-headers-"+release))
		dirs = append(dirs, found...)
	}
	for _, dir := range dirs {
		if releaseOf(dir) == release && checkBuild(dir, release) == nil {
			return dir, nil
		}
	}
	return "", fmt.Errorf("nothing to build the probe with for %s: give --headers DIR, the folder that the kernel was built in (make, with its modules) "+
		"or linux-headers-%s, unpacked or as a .deb; a scenario with probe: false needs none", release, release)
}

// checkBuild says why no module for a release can be built in a folder.
func checkBuild(dir, release string) error {
	if st, err := os.Stat(dir); err != nil {
		return fmt.Errorf("headers: %w", err)
	} else if !st.IsDir() {
		return fmt.Errorf("headers %s: want a folder", dir)
	}
	switch have := releaseOf(dir); have {
	case release:
	case "":
		return fmt.Errorf("headers %s: no kernel was built there (no %s)", dir, releaseFiles[0])
	default:
		return fmt.Errorf("headers %s: they are of %s, the image is %s", dir, have, release)
	}
	if _, err := os.Stat(filepath.Join(dir, "Module.symvers")); err != nil {
		return fmt.Errorf("headers %s: no Module.symvers: the kernel was not built to its end there (make, not make bzImage)", dir)
	}
	return nil
}

// buildKey digests what decides how a module comes out: the kernel itself, what it exports, its configuration, and the place.
func buildKey(image []byte, dir string) (string, error) {
	parts := []string{"image", sum(image), dir}
	for _, f := range []string{"Module.symvers", "include/generated/autoconf.h", "include/config/auto.conf"} {
		data, err := os.ReadFile(filepath.Join(dir, f))
		if err != nil && !os.IsNotExist(err) {
			return "", err
		}
		parts = append(parts, string(data))
	}
	return store.Key(parts...), nil
}

func sum(data []byte) string {
	h := sha256.Sum256(data)
	return hex.EncodeToString(h[:])
}

// Kinds of 8250 console as the kernel's headers tell them apart.
const (
	Legacy      = "legacy"
	EarlyAtomic = "early-atomic"
	NBCON       = "nbcon"
)

var included = regexp.MustCompile(`(?m)^include (\S+)/Makefile$`)

// consoleOf is the kind of 8250 console of the kernel whose headers lie in dir; "" if they do not tell.
func consoleOf(dir string) string {
	roots := []string{dir, filepath.Join(dir, "source")}
	if data, err := os.ReadFile(filepath.Join(dir, "Makefile")); err == nil {
		for _, m := range included.FindAllSubmatch(data, -1) { // of Debian's headers, and of a build in a folder of its own (O=)
			roots = append(roots, string(m[1]))
		}
	}
	for _, root := range roots {
		data, err := os.ReadFile(filepath.Join(root, "include/linux/serial_8250.h"))
		switch {
		case err != nil:
		case bytes.Contains(data, []byte("nbcon_write_context")):
			return NBCON
		case bytes.Contains(data, []byte("serial8250_console_write_atomic")):
			return EarlyAtomic
		default:
			return Legacy
		}
	}
	return ""
}
