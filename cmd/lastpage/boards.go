// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lastpage/kernels"
	"lastpage/lab"
	"lastpage/lab/kind"
)

func newBoards() *cobra.Command {
	c := &cobra.Command{
		Use:   "boards",
		Short: "the boards of the inventory",
		Long:  "Boards are listed in an inventory (YAML). Without --inventory the built-in one is used, whose boards are all QEMU.",
	}
	inventory := c.PersistentFlags().String("inventory", "", "inventory file (default: the built-in one)")
	list := &cobra.Command{Use: "list", Short: "what there is, and who has it", Args: nothing}
	asJSON := jsonFlag(list)
	list.RunE = func(cmd *cobra.Command, _ []string) error {
		inv, err := lab.LoadInventory(*inventory)
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(cmd.OutOrStdout(), boardsDocument{boardsSchema, inv.Boards})
		}
		t := table(cmd.OutOrStdout(), "BOARD\tKIND\tCPUS\tWIRE\tABOUT")
		for _, b := range inv.Boards {
			shown := b.Entry.Shown()
			about, err := holder(b)
			if err != nil {
				return err
			}
			fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%s\n", b.Name, b.Kind, shown.CPUs, shown.Wire, about)
		}
		return t.Flush()
	}
	c.AddCommand(list, newBoardsCheck(inventory), newBoardsLease(inventory), newBoardsRelease(inventory), newBoardsClear(inventory))
	return group(c)
}

// holder is what a list tells about a board: who has it, whether it is broken, and what the inventory says.
func holder(b *lab.Board) (string, error) {
	if _, parts := b.Entry.(kind.Checker); !parts {
		return b.About, nil
	}
	words := []string{}
	l, err := lab.Leased(b.Name)
	if err != nil {
		return "", err
	}
	if l != nil {
		words = append(words, fmt.Sprintf("leased by %s for %q", l.Owner, l.Purpose))
		if l.Expires != nil {
			words[0] += " until " + l.Expires.Local().Format("2006-01-02 15:04")
		}
	}
	broken, err := lab.BrokenBoard(b.Name)
	if err != nil {
		return "", err
	}
	cal, err := lab.Calibrated(b.Name, b.Entry.(kind.Checker).Line())
	if err != nil {
		return "", err
	}
	if cal != nil && len(cal.Faults) > 0 {
		words = append(words, "ITS LINE LOSES BYTES: "+cal.Faults[0])
	}
	if broken.Marked() {
		first, _, _ := strings.Cut(broken.Why, "\n")
		words = append(words, "BROKEN: "+first)
	}
	if b.About != "" {
		words = append(words, b.About)
	}
	return strings.Join(words, "; "), nil
}

func newBoardsCheck(inventory *string) *cobra.Command {
	var syntax bool
	var strategy string
	var catalogue []string
	var stress time.Duration
	c := &cobra.Command{
		Use:   "check BOARD",
		Short: "try every part of a board once: console, power, loader, kernel, line, BREAK, NMI, dump",
		Long: `Switches the board off and on, boots a kernel, and tries what a trial will need: the console talks, the power answers, BREAK and h are
answered by sysrq's help. Prints a line for each part, and where to look for what failed.

The line is calibrated: the board sends a pattern at its full rate, in which every byte that is lost or changed is found, and then receives
one. The figures are kept, and every trial on the board refers to them. While the line from the board loses or changes bytes every trial on
it is void, until this command finds the line whole again.

With --syntax nothing is touched: the inventory is read, and what is wrong with it is said with its line.`,
		Example: `  lastpage boards check --syntax boards.yaml
  lastpage boards check b1 --inventory boards.yaml`,
		Args: cobra.MaximumNArgs(1),
	}
	fl := c.Flags()
	fl.BoolVar(&syntax, "syntax", false, "read the inventory, or the FILE given in place of a board, and nothing else")
	fl.StringVar(&strategy, "strategy", "legacy", "whose kernel is booted")
	fl.StringSliceVar(&catalogue, "catalogue", nil, "catalogue file that adds to the built-in one (also "+kernels.CatalogueEnv+")")
	fl.DurationVar(&stress, "time", stressTime, "how long the pattern is sent in each direction")
	quietFlag(c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if stress < time.Second || stress > 24*time.Hour {
			return fmt.Errorf("--time %s: want 1s to 24h", stress)
		}
		if syntax {
			return checkSyntax(cmd, *inventory, args)
		}
		if len(args) == 0 {
			return errors.New("boards check: which board? (with --syntax: which file)")
		}
		inv, err := lab.LoadInventory(*inventory)
		if err != nil {
			return err
		}
		b, err := inv.Find(args[0])
		if err != nil {
			return err
		}
		cat, err := kernels.LoadCatalogue(catalogue...)
		if err != nil {
			return err
		}
		p := newProgress(cmd)
		defer p.end()
		bad := 0
		err = b.Check(cmd.Context(), cat, strategy, stress, lab.Options{Baud: 115200, Progress: p}, func(f kind.Finding) {
			p.end()
			mark := "ok    "
			if !f.OK {
				mark = "FAILED"
				bad++
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s  %-18s %s\n", mark, f.What, strings.ReplaceAll(f.Says, "\n", "\n"+strings.Repeat(" ", 27)))
			if f.Cure != "" {
				fmt.Fprintf(cmd.OutOrStdout(), "%27s-> %s\n", "", f.Cure)
			}
		})
		if err == nil && bad > 0 {
			err = fmt.Errorf("board %s: %d of its parts failed; see FAILED above", b.Name, bad)
		}
		return err
	}
	return c
}

func checkSyntax(cmd *cobra.Command, inventory string, args []string) error {
	if err := idle(cmd, "with --syntax, which boots nothing", "strategy", "catalogue", "time"); err != nil {
		return err
	}
	if len(args) == 1 && inventory != "" {
		return fmt.Errorf("boards check --syntax: two files, %s and %s; give one", inventory, args[0])
	}
	if len(args) == 1 {
		inventory = args[0]
	}
	inv, err := lab.LoadInventory(inventory)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d boards, nothing wrong with how they are written\n", len(inv.Boards))
	return err
}

// benched is a board that can be leased.
func benched(inventory, name string) (*lab.Board, error) {
	inv, err := lab.LoadInventory(inventory)
	if err != nil {
		return nil, err
	}
	b, err := inv.Find(name)
	if err != nil {
		return nil, err
	}
	if _, parts := b.Entry.(kind.Checker); !parts {
		return nil, fmt.Errorf("board %s: of a board of kind %s everybody has one of his own; there is nothing to lease", b.Name, b.Kind)
	}
	return b, nil
}

func newBoardsLease(inventory *string) *cobra.Command {
	w := lab.Wanted{Owner: lab.Owner()}
	c := &cobra.Command{
		Use:   "lease BOARD",
		Short: "have a board for yourself for some time",
		Long: `Nobody else's runs use the board until the lease expires or is released. A run leases its board by itself, as long as it lives.
Who leases is LASTPAGE_OWNER, or the user and the machine.`,
		Example: `  lastpage boards lease b1 --for 2h --purpose 'a new cable' --inventory boards.yaml`,
		Args:    cobra.ExactArgs(1),
	}
	fl := c.Flags()
	fl.DurationVar(&w.For, "for", time.Hour, "how long")
	fl.StringVar(&w.Purpose, "purpose", "", "what for; others are told")
	fl.StringVar(&w.Steal, "steal", "", "take it from whoever has it, for this reason, which he is told")
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if w.For <= 0 {
			return fmt.Errorf("--for %s: want a time above 0, such as 2h", w.For)
		}
		b, err := benched(*inventory, args[0])
		if err != nil {
			return err
		}
		l, err := lab.Take(cmd.Context(), b.Name, w)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s is leased by %s until %s\n", b.Name, l.Owner, l.Expires.Local().Format("2006-01-02 15:04"))
		return err
	}
	return c
}

func newBoardsRelease(inventory *string) *cobra.Command {
	c := &cobra.Command{Use: "release BOARD", Short: "end a lease of yours", Args: cobra.ExactArgs(1)}
	c.RunE = func(_ *cobra.Command, args []string) error {
		b, err := benched(*inventory, args[0])
		if err != nil {
			return err
		}
		l, err := lab.Leased(b.Name)
		switch {
		case err != nil:
			return err
		case l == nil:
			return fmt.Errorf("board %s is not leased", b.Name)
		case l.PID != 0:
			return fmt.Errorf("board %s is in use by process %d of %s: it is free when that ends", b.Name, l.PID, l.Owner)
		case l.Owner != lab.Owner():
			return fmt.Errorf("board %s is leased by %s, not by %s; lastpage boards lease %s --steal REASON takes it", b.Name, l.Owner, lab.Owner(), b.Name)
		}
		return lab.Free(b.Name)
	}
	return c
}

func newBoardsClear(inventory *string) *cobra.Command {
	c := &cobra.Command{Use: "clear BOARD", Short: "say that a board that was marked broken is mended", Args: cobra.ExactArgs(1)}
	c.RunE = func(_ *cobra.Command, args []string) error {
		b, err := benched(*inventory, args[0])
		if err != nil {
			return err
		}
		return lab.Clear(b.Name)
	}
	return c
}
