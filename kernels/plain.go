// SPDX-License-Identifier: Apache-2.0

package kernels

import (
	"fmt"
	"strings"
)

// Plain is the name of the kernel, and of the strategy, that a tree of the user's is as it is: without our patch series.
const Plain = "tree"

// UsePlain adds that kernel and strategy; t names a source. more goes onto the command line.
func (c *Catalogue) UsePlain(t Tree, more string) error {
	like, err := c.Kernel(Strategic)
	if err != nil {
		return err
	}
	src, err := treeSource(t.Source)
	if err != nil {
		return err
	}
	b := &BuildSource{Source: src, Patches: t.Patches, Config: t.Config}
	s, err := b.spec()
	if err == nil {
		err = s.Check()
	}
	if err != nil {
		return fmt.Errorf("tree %s: %w", t.Source, err)
	}
	put(&c.Kernels, Kernel{Name: Plain, Description: "as it is, from " + b.String(), Console: ConsoleUnknown,
		Cmdline: strings.TrimSpace(like.Cmdline + " " + more), Source: Source{Build: b}}, func(k Kernel) string { return k.Name })
	put(&c.Strategies, Strategy{Name: Plain, Kernel: Plain, StandsFor: "the kernel as it is"}, func(s Strategy) string { return s.Name })
	return nil
}
