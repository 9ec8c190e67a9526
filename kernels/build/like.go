// SPDX-License-Identifier: Apache-2.0

package build

import (
	"os"
	"path/filepath"

	"lastpage/kernels/store"
)

// Like is the build in the store, on this machine, that compiled at least so many objects and took longest; nil if there is none. What it took is
// what a build from nothing may take.
func Like(objects int) *Kernel {
	root, err := store.Root()
	if err != nil {
		return nil
	}
	all, err := os.ReadDir(filepath.Join(root, "built"))
	if err != nil {
		return nil
	}
	var like *Kernel
	for _, e := range all {
		k, err := readKernel(filepath.Join(root, "built", e.Name(), "kernel.json"))
		if err == nil && objects > 0 && k.Objects >= objects && (like == nil || k.Took > like.Took) {
			like = k
		}
	}
	return like
}
