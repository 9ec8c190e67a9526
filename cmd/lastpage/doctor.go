// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"lastpage/lab"
)

func newDoctor() *cobra.Command {
	c := &cobra.Command{
		Use:   "doctor",
		Short: "what this machine can do, and what is missing for the rest",
		Long: `Looks at the programs, the QEMU, the UART model and the cache of this machine, and says for everything
that is missing what it is for and how to get it. Exit status 3 if lastpage run cannot work here.`,
		Args: nothing,
	}
	asJSON := jsonFlag(c)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		found := lab.Examine(cmd.Context())
		broken := false
		for _, f := range found {
			broken = broken || (f.Needed && !f.OK)
		}
		if *asJSON {
			if err := printJSON(cmd.OutOrStdout(), doctorDocument{doctorSchema, !broken, found}); err != nil {
				return err
			}
		} else {
			for _, f := range found {
				mark := "ok     "
				switch {
				case !f.OK && f.Needed:
					mark = "MISSING"
				case !f.OK:
					mark = "absent "
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s  %-20s %s\n", mark, f.What, strings.ReplaceAll(f.Says, "\n", "\n"+strings.Repeat(" ", 30)))
				if f.Cure != "" && !f.OK {
					fmt.Fprintf(cmd.OutOrStdout(), "%30s-> %s\n", "", f.Cure)
				}
			}
		}
		if broken {
			return errors.New("this machine cannot run trials yet; see MISSING above")
		}
		return nil
	}
	return c
}
