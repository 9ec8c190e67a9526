// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"lastpage/harness/compare"
	"lastpage/harness/report"
)

func newCompare() *cobra.Command {
	c := &cobra.Command{
		Use:   "compare RUN RUN",
		Short: "two runs of one scenario: do their shares of courses differ?",
		Long: `Puts two runs beside each other: for each strategy and letter the share of courses in which it came out, with its 95 % interval
(Clopper and Pearson), and whether the two shares differ (Fisher's exact test). The unit is the course: trials of one course are not
independent of each other. A p that is not small does not show that the shares are equal; the intervals say how far apart they may be.`,
		Example: `  lastpage run --courses 60 --courses-by boot --strategy nbcon-rt --out booted
  lastpage run --courses 60 --courses-by branch --strategy nbcon-rt --out branched
  lastpage compare booted branched`,
		Args: cobra.ExactArgs(2),
	}
	asJSON := jsonFlag(c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		var runs [2]*compare.Run
		for i, dir := range args {
			var err error
			if runs[i], err = compare.LoadRun(dir); err != nil {
				return err
			}
		}
		two, err := compare.CompareRuns(runs[0], runs[1])
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(cmd.OutOrStdout(), two)
		}
		return report.Two(cmd.OutOrStdout(), two)
	}
	return c
}
