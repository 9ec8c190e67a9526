// SPDX-License-Identifier: Apache-2.0

package kernels

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"lastpage/kernels/debian"
	"lastpage/kernels/store"
)

// Drivers are modules of a kernel of the catalogue beside those of its image, with what they depend on, decompressed, in load order: paths in
// the store. Names are as the kernel has them. What is built in needs no file.
func (c *Catalogue) Drivers(ctx context.Context, name string, wanted []string, progress io.Writer) ([]string, error) {
	all, err := c.drivers(ctx, name, wanted, progress)
	if err != nil {
		return nil, fmt.Errorf("kernel %s: drivers %s: %w", name, strings.Join(wanted, ", "), err)
	}
	return all, nil
}

func (c *Catalogue) drivers(ctx context.Context, name string, wanted []string, progress io.Writer) ([]string, error) {
	entry, err := c.Kernel(name)
	if err != nil {
		return nil, err
	}
	if entry.Source.DebianImage == nil {
		return nil, errors.New("only those of Debian's packages can be had")
	}
	k, err := debian.FetchKernel(ctx, *entry.Source.DebianImage, progress)
	if err != nil {
		return nil, err
	}
	builtin, err := os.ReadFile(filepath.Join(k.Boot, "modules.builtin"))
	if err != nil {
		return nil, err
	}
	key := append([]string{"drivers", k.Packages[0].SHA256}, wanted...)
	return inOrder(ctx, store.Key(key...), progress, func(ctx context.Context, tmp string) ([]string, error) {
		raw := filepath.Join(tmp, "raw")
		if err := os.Mkdir(raw, 0o755); err != nil {
			return nil, err
		}
		files, err := dependent(ctx, k.Debs, raw, wanted)
		if err != nil {
			return nil, err
		}
		order, err := expand(ctx, files, tmp, string(builtin), wanted)
		return order, errors.Join(err, os.RemoveAll(raw))
	})
}

// dependent unpacks modules of packages below raw, and those that they depend on, as far as there are such files. The packages do not say
// who depends on whom; the modules do.
func dependent(ctx context.Context, debs []string, raw string, wanted []string) (files []string, err error) {
	seen := map[string]bool{}
	for need := wanted; len(need) > 0; {
		now := map[string]bool{}
		for _, n := range need {
			now[n], seen[n] = true, true
		}
		for _, deb := range debs {
			if err := debian.Unpack(ctx, deb, raw, func(name string) bool { return strings.Contains(name, ".ko") && now[moduleName(name)] }); err != nil {
				return nil, err
			}
		}
		need, files = nil, nil
		err := filepath.WalkDir(raw, func(p string, d os.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			if files = append(files, p); !now[moduleName(p)] {
				return nil
			}
			ko := filepath.Join(filepath.Dir(raw), moduleName(p)+".ko")
			if err := decompress(ctx, p, ko); err != nil {
				return err
			}
			deps, err := depends(ko)
			for _, d := range deps {
				if !seen[d] {
					seen[d] = true
					need = append(need, d)
				}
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}
