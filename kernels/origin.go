// SPDX-License-Identifier: Apache-2.0

package kernels

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"lastpage/kernels/build"
)

// origin is Image.Origin of a kernel that was built from s. What a package and the catalogue tell has none but the
// options: the name says the rest.
func (b *BuildSource) origin(ctx context.Context, s build.Spec, k *build.Kernel) map[string]string {
	if b.Package != nil && len(b.Patches) == 0 && b.Config == "" {
		if len(b.Options) == 0 {
			return nil
		}
		return map[string]string{"options": strings.Join(b.Options, ", ")}
	}
	o := map[string]string{"tree": b.String()}
	if k.Package.Package != "" {
		o["tree"] = k.Package.Package + " " + k.Package.Version
	}
	kind, digest, _ := strings.Cut(k.Digest, " ")
	switch kind {
	case "git":
		o["commit"] = digest
	case "dir":
		o["tree"] += " (its files: sha256:" + digest + ")"
		if id, dirty := build.Commit(ctx, b.Dir); dirty {
			o["commit"] = id + ", with changes that are in no commit"
		} else if id != "" {
			o["commit"] = id
		}
	default:
		o["tree"] += " (sha256:" + digest + ")"
	}
	own := s.Patches[len(s.Patches)-len(b.Patches):] // the series comes first
	for i, p := range own {
		name := "patch"
		if len(own) > 1 {
			name = fmt.Sprintf("patch %d", i+1)
		}
		o[name] = p.Name + " (sha256:" + sum(p.Data) + ")"
	}
	if b.Config != "" {
		o["config"] = b.Config + " (sha256:" + sum(s.Config.Full) + ")"
	}
	if len(b.Options) > 0 {
		o["options"] = strings.Join(b.Options, ", ")
	}
	return o
}

func sum(data []byte) string {
	h := sha256.Sum256(data)
	return hex.EncodeToString(h[:])
}
