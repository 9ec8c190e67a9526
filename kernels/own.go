// SPDX-License-Identifier: Apache-2.0

package kernels

import (
	"context"
	"fmt"
	"os"
	"strings"

	"lastpage/kernels/prebuilt"
	"lastpage/kernels/probe"
	"lastpage/kernels/store"
)

// imageCmdline is what a kernel of the user's is booted with: what Debian's kernels are (catalogue.yaml says why).
const imageCmdline = "console=ttyS0,115200 unknown_nmi_panic log_buf_len=1M cryptomgr.notests no5lvl"

// UseImage adds a kernel that is built already under a name, and a strategy of the same name that is the kernel as it is. An entry of that name
// is replaced. more goes onto the command line. The file is read, nothing else is.
func (c *Catalogue) UseImage(ctx context.Context, name string, s prebuilt.Source, more string) error {
	if !entryName.MatchString(name) {
		return fmt.Errorf("image %s: name %q: want small letters, digits and .+_-", s.File, name)
	}
	if err := s.Check(); err != nil {
		return err
	}
	release, err := s.Release(ctx)
	if err != nil {
		return err
	}
	put(&c.Kernels, Kernel{Name: name, Description: "Linux " + release + ", " + s.File, Cmdline: strings.TrimSpace(imageCmdline + " " + more),
		Source: Source{Image: &s}}, func(k Kernel) string { return k.Name })
	put(&c.Strategies, Strategy{Name: name, Kernel: name, StandsFor: "the kernel as it is"}, func(s Strategy) string { return s.Name })
	return nil
}

func (img *Image) fromImage(ctx context.Context, s prebuilt.Source, o Options) error {
	k, err := prebuilt.Prepare(ctx, s, o.Use, o.Progress)
	if err != nil {
		return err
	}
	img.Release, img.Vmlinuz, img.Config, img.Initrd, img.Origin = k.Release, k.Vmlinuz, k.Config, k.Initrd, k.Origin
	if img.Console == "" {
		img.Console = ConsoleUnknown
		if k.Console != "" {
			img.Console = Console(k.Console)
		}
	}
	if k.Build != "" {
		if img.Probe, err = probe.Build(ctx, k.Build, k.BuildKey, o.Progress, k.MakeArgs...); err != nil {
			return fmt.Errorf("%w\n  it was built in %s", err, k.Build)
		}
	}
	if len(k.Modules) == 0 {
		return nil
	}
	key := []string{"image", k.Builtin}
	for _, m := range k.Modules {
		data, err := os.ReadFile(m)
		if err != nil {
			return err
		}
		key = append(key, m, sum(data))
	}
	img.Modules, err = ordered(ctx, store.Key(key...), k.Modules, k.Builtin, o.Progress)
	return err
}
