// SPDX-License-Identifier: Apache-2.0

package debian

import (
	"context"
	"fmt"
	"os"
	"testing"

	"lastpage/kernels/store"
)

// What would be downloaded is told from the answers that are remembered, without what is in the store, and nothing is written for it.
func TestKernelNeeds(t *testing.T) {
	t.Setenv("LASTPAGE_CACHE", t.TempDir())
	t.Setenv("PATH", "/nonexistent")
	r := Request{Package: "linux-image-9.*-amd64-unsigned"}
	tell := func() (text string) {
		for _, n := range KernelNeeds(t.Context(), r) {
			size := int64(-1)
			if n.Size != nil {
				size = *n.Size
			}
			text += fmt.Sprintf("%s %d\n", n.What, size)
		}
		return text
	}
	if got, want := tell(), "linux-image-9.*-amd64-unsigned -1\nthe headers of that kernel -1\n"; got != want {
		t.Errorf("nothing is known:\n%s\nwant\n%s", got, want)
	}
	root, err := store.Root()
	if err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(root); err != nil || len(left) > 0 {
		t.Errorf("left in the cache: %v, %v", left, err)
	}
	for _, m := range []struct {
		r Request
		p Provenance
	}{
		{r, Provenance{Package: "linux-image-9.1-amd64-unsigned", Version: "9.1-1", SHA256: "aa", Size: 100}},
		{Request{Package: "linux-headers-9.1-amd64", Version: "9.1-1"}, Provenance{Package: "linux-headers-9.1-amd64", Version: "9.1-1", SHA256: "bb", Size: 20,
			Depends: "linux-headers-9.1-common (= 9.1-1), linux-kbuild-9.1, gcc-99"}},
		{Request{Package: "linux-headers-9.1-common", Version: "9.1-1"}, Provenance{Package: "linux-headers-9.1-common", Version: "9.1-1", SHA256: "cc", Size: 3}},
	} {
		if err := remember(m.r, m.p); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := store.Do(t.Context(), "deb", "bb", nil, func(context.Context, string) error { return nil }); err != nil {
		t.Fatal(err)
	}
	want := "linux-image-9.1-amd64-unsigned 9.1-1 100\nlinux-headers-9.1-common 9.1-1 3\nlinux-kbuild-9.1 -1\n"
	if got := tell(); got != want {
		t.Errorf("the headers are there:\n%s\nwant\n%s", got, want)
	}
}
