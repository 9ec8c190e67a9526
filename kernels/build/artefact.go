// SPDX-License-Identifier: Apache-2.0

package build

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// collect copies out of the object tree what a Kernel holds. The directory "build" is what the kernel itself packs for modules
// that are built elsewhere (scripts/package/install-extmod-build, since 6.7).
func (b *builder) collect(ctx context.Context, m *maker, tmp string, objects int, took time.Duration) error {
	for from, to := range map[string]string{
		"arch/x86/boot/bzImage": "bzImage",
		"vmlinux":               "vmlinux",
		"System.map":            "System.map",
		".config":               "config",
	} {
		if err := copyFile(filepath.Join(b.w.obj, from), filepath.Join(tmp, to)); err != nil {
			return fmt.Errorf("collect: %w", err)
		}
	}
	release, err := os.ReadFile(filepath.Join(b.w.obj, "include/config/kernel.release"))
	if err != nil {
		return fmt.Errorf("collect: %w", err)
	}
	if _, err := os.Stat(filepath.Join(b.w.src, pack)); err != nil {
		return fmt.Errorf("collect: %w: kernels before 6.7 cannot be built here", err)
	}
	tree := filepath.Join(tmp, "build")
	if err := m.run(ctx, "collect", nil, "run-command", "KBUILD_RUN_COMMAND=$(srctree)/"+pack+" "+tree); err != nil {
		return err
	}
	k := Kernel{
		Key: b.key, Release: strings.TrimSpace(string(release)), Compiler: b.cc.first,
		Source: b.src.String(), Package: b.src.pkg, Objects: objects, Took: took,
	}
	for _, p := range b.Patches {
		k.Patches = append(k.Patches, p.Name)
	}
	data, err := json.MarshalIndent(k, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(tmp, "kernel.json"), append(data, '\n'), 0o644)
}

func readKernel(path string) (*Kernel, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	k := new(Kernel)
	if err := json.Unmarshal(data, k); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return k, nil
}
