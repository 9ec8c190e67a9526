// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"lastpage/harness"
	"lastpage/harness/report"
)

func newExplain() *cobra.Command {
	c := &cobra.Command{
		Use:   "explain TRIAL",
		Short: "say of a captured trial what was lost, why, and which finding that is",
		Long: `For each class of loss one paragraph: which records, what had been stored, what was pending, what the line was sending when the machine was
interrupted, who owned the console at the end, and the claim of docs/findings.md that it belongs to. All of it is read from the trial's
files; what they do not tell is not said.`,
		Example: `  lastpage explain runs/20260101-120000/legacy/course-001/trial-001`,
		Args:    cobra.ExactArgs(1),
	}
	asJSON := jsonFlag(c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if err := trial(args[0]); err != nil {
			return err
		}
		e, err := harness.Explain(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(cmd.OutOrStdout(), e)
		}
		return report.Explain(cmd.OutOrStdout(), e)
	}
	return c
}
