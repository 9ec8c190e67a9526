// SPDX-License-Identifier: Apache-2.0

package kernels

import (
	"bytes"
	"context"
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"lastpage/kernels/store"
)

// controlModules is what the control channel needs, if it is not built in.
var controlModules = []string{"virtio_pci", "virtio_console"}

// expand decompresses those of the modules files into out that wanted names need, and returns them in load order. builtin is the text of
// modules.builtin.
func expand(ctx context.Context, files []string, out, builtin string, wanted []string) ([]string, error) {
	in := map[string]bool{}
	for l := range strings.Lines(builtin) {
		in[moduleName(strings.TrimSpace(l))] = true
	}
	have := map[string]string{}
	for _, f := range files {
		have[moduleName(f)] = f
	}
	var order []string
	seen := map[string]bool{}
	var need func(name, by string) error
	need = func(name, by string) error {
		if in[name] || seen[name] {
			return nil
		}
		seen[name] = true
		file, ok := have[name]
		if !ok {
			return fmt.Errorf("module %s, needed by %s, is not there", name, by)
		}
		ko := filepath.Join(out, name+".ko")
		if err := decompress(ctx, file, ko); err != nil {
			return err
		}
		deps, err := depends(ko)
		if err != nil {
			return err
		}
		for _, d := range deps {
			if err := need(d, name); err != nil {
				return err
			}
		}
		order = append(order, name+".ko")
		return nil
	}
	for _, w := range wanted {
		if err := need(w, "the control channel"); err != nil {
			return nil, err
		}
	}
	return order, nil
}

// moduleName is a module's name as the kernel has it: of its file, without suffixes, '-' written '_'.
func moduleName(file string) string {
	name, _, _ := strings.Cut(filepath.Base(file), ".ko")
	return strings.ReplaceAll(name, "-", "_")
}

var decompressors = map[string]string{".xz": "xz", ".zst": "zstd", ".gz": "gzip"}

func decompress(ctx context.Context, from, to string) error {
	ext := filepath.Ext(from)
	if ext == ".ko" {
		data, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		return os.WriteFile(to, data, 0o644)
	}
	tool, ok := decompressors[ext]
	if !ok {
		return fmt.Errorf("decompress %s: unknown compression", from)
	}
	cmd := store.Command(ctx, "", tool, "-dc", from)
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("decompress %s: run %s: %w", from, tool, err)
	}
	return os.WriteFile(to, out, 0o644)
}

// depends reads the "depends=" entry of a module's .modinfo section.
func depends(ko string) ([]string, error) {
	f, err := elf.Open(ko)
	if err != nil {
		return nil, fmt.Errorf("read module %s: %w", ko, err)
	}
	defer f.Close()
	s := f.Section(".modinfo")
	if s == nil {
		return nil, fmt.Errorf("read module %s: no .modinfo", ko)
	}
	data, err := s.Data()
	if err != nil {
		return nil, fmt.Errorf("read module %s: %w", ko, err)
	}
	for _, e := range bytes.Split(data, []byte{0}) {
		if v, ok := strings.CutPrefix(string(e), "depends="); ok && v != "" {
			return strings.Split(strings.ReplaceAll(v, "-", "_"), ","), nil
		}
	}
	return nil, nil
}
