// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"lastpage/lab"
)

func newBoards() *cobra.Command {
	c := &cobra.Command{
		Use:   "boards",
		Short: "the boards of the inventory",
		Long:  "Boards are listed in an inventory (YAML). Without --inventory the built-in one is used, whose boards are all QEMU.",
	}
	inventory := c.PersistentFlags().String("inventory", "", "inventory file (default: the built-in one)")
	list := &cobra.Command{Use: "list", Short: "what there is", Args: nothing}
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
			fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%s\n", b.Name, b.Kind, shown.CPUs, shown.Wire, b.About)
		}
		return t.Flush()
	}
	c.AddCommand(list)
	return group(c)
}
