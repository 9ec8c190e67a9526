// SPDX-License-Identifier: Apache-2.0

// Package patches holds the strategies: patches of the kernel that make the moment of flushing a boot parameter, and the
// mutants, which break one promise each. The patches themselves are GPL-2.0-only (LICENSE); README.md says what they claim.
package patches

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"lastpage/kernels/build"
)

//go:embed 7.x/*.patch mutants/*.patch
var files embed.FS

// mutants is the folder of patches that go on top of a series, one at a time.
const mutants = "mutants"

// Series returns the patches of a base ("7.x"), in the order in which they are applied.
func Series(base string) ([]build.Patch, error) {
	if base == mutants || strings.Contains(base, "/") {
		return nil, fmt.Errorf("no patch series %q", base)
	}
	names, err := fs.Glob(files, base+"/*.patch")
	if err != nil || len(names) == 0 {
		return nil, fmt.Errorf("no patch series %q", base)
	}
	var list []build.Patch
	for _, n := range names {
		data, err := files.ReadFile(n)
		if err != nil {
			return nil, err
		}
		list = append(list, build.Patch{Name: n, Data: data})
	}
	return list, nil
}

// Mutants returns the names of the mutants.
func Mutants() []string {
	names, _ := fs.Glob(files, mutants+"/*.patch")
	for i, n := range names {
		names[i] = strings.TrimSuffix(path.Base(n), ".patch")
	}
	return names
}

// Mutant returns a patch that goes on top of the 7.x series and breaks the promise of one strategy.
func Mutant(name string) (build.Patch, error) {
	n := mutants + "/" + name + ".patch"
	data, err := files.ReadFile(n)
	if err != nil {
		return build.Patch{}, fmt.Errorf("no mutant %q; known: %s", name, strings.Join(Mutants(), ", "))
	}
	return build.Patch{Name: n, Data: data}, nil
}
