// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"lastpage/kernels"
	"lastpage/lab/wiretest"
)

func newWire() *cobra.Command {
	c := &cobra.Command{Use: "wire", Short: "the wire itself: its proof, and a bridge to it"}
	c.AddCommand(newWireTest(), newWireBridge(), newWireControl())
	return group(c)
}

func newWireTest() *cobra.Command {
	var o wiretest.Options
	var catalogue []string
	c := &cobra.Command{
		Use:   "test",
		Short: "prove on this machine that the wire has its baud rate, loses nothing and repeats itself",
		Long: `Starts guests and measures their serial line. Prints a table of facts: what was measured, what was wanted,
and whether it holds. docs/wire-proof.md tells what each part does and what it found elsewhere.

Parts (--only takes some of them):
` + wireParts() + `
Exit status: 0 everything holds, 1 something does not, 2 something could not be tried, 3 usage or lab.`,
		Example: `  lastpage wire test --quick
  lastpage wire test --only rate,nmi
  lastpage wire test --only loss --trials 10 --json`,
		Args: nothing,
	}
	fl := c.Flags()
	fl.StringSliceVar(&o.Only, "only", nil, "parts to test (default all)")
	fl.BoolVar(&o.Quick, "quick", false, "few trials and little data")
	fl.IntVar(&o.Trials, "trials", 0, "trials of each kind (default 50 or 20, with --quick 3)")
	fl.StringVar(&o.Kernel, "kernel", "debian-6.12-cloud", "kernel of the catalogue, for the parts that need only one")
	fl.StringVar(&o.Binary, "qemu", "", "QEMU binary (default qemu-system-x86_64 from PATH)")
	fl.StringVar(&o.Out, "out", "", "folder for what is too long for a table, such as the sweep's TSV")
	fl.StringSliceVar(&catalogue, "catalogue", nil, "catalogue file that adds to the built-in one (also "+kernels.CatalogueEnv+")")
	quietFlag(c)
	asJSON := jsonFlag(c)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		cat, err := kernels.LoadCatalogue(catalogue...)
		if err == nil {
			err = wiretest.CheckParts(o.Only)
		}
		if err == nil {
			_, err = cat.Kernel(o.Kernel)
		}
		if err != nil {
			return err
		}
		if o.Trials < 1 && cmd.Flags().Changed("trials") {
			return fmt.Errorf("--trials %d: want 1 or more", o.Trials)
		}
		for _, option := range []string{"kernel", "trials", "quick", "out"} {
			if o.Takes(option) {
				continue
			}
			if err := idle(cmd, "on the parts "+strings.Join(o.Only, ", "), option); err != nil {
				return err
			}
		}
		if err := tryFolder(o.Out); err != nil {
			return err
		}
		p := newProgress(cmd)
		defer p.end()
		o.Tell = p.step
		o.Found = func(f wiretest.Fact) { p.step("%s: %s: %s (%s)", f.Part, f.Name, f.Verdict, f.Got) }
		r, err := wiretest.Run(cmd.Context(), cat, o)
		p.end()
		if r != nil && len(r.Facts) > 0 {
			if *asJSON {
				err = firstOf(err, printJSON(cmd.OutOrStdout(), r))
			} else {
				err = firstOf(err, r.WriteText(cmd.OutOrStdout()))
			}
		}
		switch {
		case err != nil:
			return err
		case r.Count(wiretest.Fail) > 0:
			return kernelFailed("%d facts about the wire do not hold", r.Count(wiretest.Fail))
		case r.Count(wiretest.Unknown) > 0:
			return inconclusive("%d facts about the wire could not be tried", r.Count(wiretest.Unknown))
		}
		return nil
	}
	return c
}

// tryFolder makes the folder that --out names and writes in it; it leaves nothing there. "" is no folder.
func tryFolder(dir string) error {
	if dir == "" {
		return nil
	}
	err := os.MkdirAll(dir, 0o755)
	if err == nil {
		var f *os.File
		if f, err = os.CreateTemp(dir, ".try-"); err == nil {
			err = errors.Join(f.Close(), os.Remove(f.Name()))
		}
	}
	if err != nil {
		return fmt.Errorf("--out %s: %w", dir, err)
	}
	return nil
}

func firstOf(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

func wireParts() string {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	for _, p := range wiretest.Parts() {
		fmt.Fprintf(t, "  %s\t%s\n", p[0], p[1])
	}
	t.Flush()
	return b.String()
}
