// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"lastpage/kernels"
)

// dryFlag adds --dry-run to a command that fetches, builds or boots.
func dryFlag(c *cobra.Command) {
	c.Flags().Bool("dry-run", false, "fetch, build and boot nothing; say what would be")
}

// dry says whether it was asked for; beside --json it has nothing to print.
func dry(cmd *cobra.Command) (bool, error) {
	asked, err := cmd.Flags().GetBool("dry-run")
	if err == nil && asked {
		err = idle(cmd, "with --dry-run, which prints words", "json")
	}
	return asked, err
}

// tale is what would be done, in words. A figure that nobody knows is "?".
type tale struct {
	w     io.Writer
	in    *cobra.Command
	begun bool
}

// strategies tells what of their kernels would be fetched and compiled.
func (t tale) strategies(cat *kernels.Catalogue, names []string) error {
	all, err := kernelsOf(cat, names)
	if err != nil {
		return err
	}
	return t.kernels(cat, all)
}

// kernels tells the same of kernels.
func (t tale) kernels(cat *kernels.Catalogue, names []string) error {
	if !t.begun {
		fmt.Fprintln(t.w, "nothing is fetched, built or booted; this would be:")
	}
	fetch, unknown, busy, seen := int64(0), false, false, map[string]bool{}
	for _, name := range names {
		f, err := cat.Forecast(t.in.Context(), name)
		if err != nil {
			return err
		}
		if f.Ready {
			fmt.Fprintf(t.w, "  %-18s is in the cache\n", name)
			continue
		}
		busy = true
		for _, n := range f.Fetch {
			size := "? MB"
			if seen[n.What] { // two kernels share some
				continue
			}
			if seen[n.What] = true; n.Size != nil {
				size = megabytes(*n.Size)
				fetch += *n.Size
			} else {
				unknown = true
			}
			fmt.Fprintf(t.w, "  %-18s fetch %s, %s\n", name, n.What, size)
		}
		if f.Fetched {
			unknown = true
			fmt.Fprintf(t.w, "  %-18s fetch %s, ? MB\n", name, f.Source)
		}
		switch {
		case f.Source == "":
			fmt.Fprintf(t.w, "  %-18s unpack it, compile a module for it\n", name)
		case f.Like == nil:
			fmt.Fprintf(t.w, "  %-18s compile %s, in ? (nothing like it was built here)\n", name, f.Source)
		default:
			fmt.Fprintf(t.w, "  %-18s compile %s; the longest build of its kind here took %s (%d objects)\n", name, f.Source, clock(f.Like.Took), f.Like.Objects)
		}
	}
	if !busy {
		return nil
	}
	total := megabytes(fetch)
	if unknown {
		total = "? MB"
		if fetch > 0 {
			total = "more than " + megabytes(fetch)
		}
	}
	_, err := fmt.Fprintf(t.w, "  to download: %s; disk for what is unpacked and built: ? MB\n", total)
	return err
}

// trials tells what would be booted. n counts whole trials, references among them.
func (t tale) trials(what string, n int, more string, g *target) error {
	// Beside its text a record has a prefix, which depends on the kernel. A byte is 10 bits.
	wire := float64(g.backlog*g.length) * 10 / float64(g.baud)
	_, err := fmt.Fprintf(t.w, "  trials: %s: %d%s; the backlog of each takes the line at least %.1f s of the guest's time\n"+
		"  time on this machine: ?; disk for the evidence: ? MB\n", what, n, more, wire)
	return err
}

// kernelsOf are the kernels of strategies, each once.
func kernelsOf(cat *kernels.Catalogue, strategies []string) (all []string, err error) {
	for _, n := range strategies {
		base, _, _ := strings.Cut(n, "+")
		s, err := cat.Strategy(base)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(all, s.Kernel) {
			all = append(all, s.Kernel)
		}
	}
	return all, nil
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }
