// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// newMan is for who packs lastpage: make man calls it.
func newMan() *cobra.Command {
	return &cobra.Command{
		Use:    "man DIR",
		Short:  "write the manual pages",
		Long:   "Writes a page of section 1 for each command into a folder, from what --help says. man -l DIR/lastpage-run.1 shows one.",
		Args:   cobra.ExactArgs(1),
		Hidden: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return fmt.Errorf("manual pages: %w", err)
			}
			v := thisVersion()
			head := &doc.GenManHeader{Title: "LASTPAGE", Section: "1", Source: "lastpage " + v.Version, Manual: "lastpage"}
			if v.Time != nil {
				if at, err := time.Parse(time.RFC3339, *v.Time); err == nil {
					head.Date = &at
				}
			}
			root := cmd.Root()
			root.DisableAutoGenTag = true
			if err := doc.GenManTree(root, head, args[0]); err != nil {
				return fmt.Errorf("manual pages: %w", err)
			}
			return nil
		},
	}
}
