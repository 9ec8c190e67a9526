// SPDX-License-Identifier: Apache-2.0

package debian

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"lastpage/kernels/store"
)

// Need is a package that is not in the store.
type Need struct {
	What string `json:"what"`
	// Size is that of the .deb in bytes; null: nothing that lies on this machine says.
	Size *int64 `json:"size"`
}

// Needs is what Fetch would have to download for r. Nothing is fetched, nothing written.
func Needs(ctx context.Context, r Request) []Need {
	p, ok := offline(ctx, r)
	return needs(r.String(), p, ok)
}

// KernelNeeds is the same for FetchKernel. As long as nothing on this machine knows the image package, it names no other.
func KernelNeeds(ctx context.Context, r Request) []Need {
	image, ok := offline(ctx, r)
	all := needs(r.String(), image, ok)
	if !ok {
		return append(all, Need{What: "the headers of that kernel"})
	}
	release := strings.TrimSuffix(strings.TrimPrefix(image.Package, "linux-image-"), "-unsigned")
	want := []Request{{Package: "linux-headers-" + release, Suite: r.Suite, Version: image.Version}}
	if strings.Contains(image.Depends, "linux-binary-"+release) {
		for _, kind := range []string{"linux-binary-", "linux-modules-", "linux-base-"} {
			want = append(want, Request{Package: kind + release, Suite: r.Suite, Version: image.Version})
		}
	}
	headers, ok := offline(ctx, want[0])
	if ok {
		for _, dep := range headerDepends(headers.Depends) {
			dep.Suite = r.Suite
			want = append(want, dep)
		}
	}
	for _, w := range want {
		p, ok := offline(ctx, w)
		all = append(all, needs(w.String(), p, ok)...)
	}
	return all
}

func needs(what string, p Provenance, known bool) []Need {
	if !known {
		return []Need{{What: what}}
	}
	if _, there := store.Have("deb", p.SHA256); there {
		return nil
	}
	return []Need{{What: p.Package + " " + p.Version, Size: &p.Size}}
}

// offline resolves r from what lies on this machine: the answer that is remembered, the lists of the private apt, or, for the machine's own
// release, those of the machine.
func offline(ctx context.Context, r Request) (Provenance, bool) {
	if p, ok := recall(r); ok {
		return p, true
	}
	root, err := store.Root()
	if err != nil || r.check() != nil {
		return Provenance{}, false
	}
	name := r.Suite
	if name == "" {
		name = "release"
	}
	var env []string
	conf := filepath.Join(root, "apt", name, "apt.conf")
	if _, err := os.Stat(conf); err == nil {
		// Without a cache of its own apt-cache writes nothing.
		env = []string{"APT_CONFIG=" + conf}
	} else if r.Suite != "" {
		return Provenance{}, false
	}
	p, err := ask(r, func(args ...string) ([]byte, error) {
		return output(ctx, "", env, append([]string{args[0], "-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache="}, args[1:]...)...)
	})
	return p, err == nil
}
