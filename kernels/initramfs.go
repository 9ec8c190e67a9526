// SPDX-License-Identifier: Apache-2.0

package kernels

import (
	"fmt"
	"io"
	"os"
	"path"
	"sort"
	"strings"
	"time"

	"github.com/cavaliergopher/cpio"

	"lastpage/kernels/plan"
)

// Where the init looks for its files (kernels/guest/init).
const (
	guestDir     = "/lastpage"
	guestProbe   = guestDir + "/lastpage_probe.ko"
	guestModules = guestDir + "/modules"
)

// WriteInitramfs writes an uncompressed newc archive with the init, the modules, the probe, the plan and extra files (path in the
// guest -> path here; mode taken from the file). Equal inputs give equal bytes. Compression would only cost guest time.
//
// What is in the image's own initrd is there too, and ours replaces what has the same name.
func WriteInitramfs(w io.Writer, img *Image, p *plan.Plan, extra map[string]string) error {
	if img.Initrd != "" {
		data, err := os.ReadFile(img.Initrd)
		if err == nil {
			_, err = w.Write(data)
		}
		if err != nil {
			return fmt.Errorf("write initramfs: %w", err)
		}
	}
	a := &archive{w: cpio.NewWriter(w), dirs: map[string]bool{}}
	planned, err := p.Encode()
	if err != nil {
		return err
	}
	a.file("/init", img.Init, 0o755)
	a.data(plan.Path, planned, 0o644)
	if img.Probe != "" {
		a.file(guestProbe, img.Probe, 0o644)
	}
	var order strings.Builder
	for _, m := range img.Modules {
		at := guestDir + "/" + path.Base(m)
		a.file(at, m, 0o644)
		fmt.Fprintln(&order, at)
	}
	if order.Len() > 0 {
		a.data(guestModules, []byte(order.String()), 0o644)
	}
	names := make([]string, 0, len(extra))
	for n := range extra {
		names = append(names, n)
	}
	sort.Strings(names)
	for _, n := range names {
		a.file(n, extra[n], 0)
	}
	if a.err == nil {
		a.err = a.w.Close()
	}
	if a.err != nil {
		return fmt.Errorf("write initramfs: %w", a.err)
	}
	return nil
}

// archive remembers the first error and the directories it has made.
type archive struct {
	w    *cpio.Writer
	dirs map[string]bool
	err  error
}

// file adds a file of the host; mode 0 keeps its own.
func (a *archive) file(name, from string, mode os.FileMode) {
	if a.err != nil {
		return
	}
	data, err := os.ReadFile(from)
	if err != nil {
		a.err = err
		return
	}
	if mode == 0 {
		st, err := os.Stat(from)
		if err != nil {
			a.err = err
			return
		}
		mode = st.Mode().Perm()
	}
	a.data(name, data, mode)
}

func (a *archive) data(name string, data []byte, mode os.FileMode) {
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	a.parents(path.Dir(name))
	a.add(&cpio.Header{Name: name, Mode: cpio.TypeReg | cpio.FileMode(mode), Size: int64(len(data))}, data)
}

func (a *archive) parents(dir string) {
	if dir == "." || a.dirs[dir] {
		return
	}
	a.parents(path.Dir(dir))
	a.dirs[dir] = true
	a.add(&cpio.Header{Name: dir, Mode: cpio.TypeDir | 0o755, Links: 2}, nil)
}

func (a *archive) add(h *cpio.Header, data []byte) {
	if a.err != nil {
		return
	}
	h.ModTime = time.Unix(0, 0)
	if a.err = a.w.WriteHeader(h); a.err == nil {
		_, a.err = a.w.Write(data)
	}
}
