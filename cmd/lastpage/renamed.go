// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// renamed is c under the name that it had before: it works as ever, is not listed, and says its new name.
func renamed(old string, c *cobra.Command) *cobra.Command {
	name := c.Name()
	c.Use, c.Hidden = old, true
	c.PersistentPreRun = func(cmd *cobra.Command, _ []string) {
		fmt.Fprintf(cmd.ErrOrStderr(), "lastpage: `%s` is called `%s` now; the old name still works\n", old, name)
	}
	return c
}
