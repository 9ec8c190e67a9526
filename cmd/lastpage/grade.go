// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"regexp"

	"github.com/spf13/cobra"

	"lastpage/capture/ring"
	"lastpage/capture/wire"
	"lastpage/harness"
	"lastpage/harness/grade"
)

func newGrade() *cobra.Command {
	var wireFile, ringFile, expected, runID string
	var loglevel int
	c := &cobra.Command{
		Use:   "grade TRIAL | --wire FILE --ring VMCORE [--expected TRIAL]",
		Short: "judge a recorded trial, with no board attached",
		Long: `Grades a trial's folder again from its files, or any capture of a serial line against any vmcore of the
same boot. Without an index beside the wire file (wire.idx) there are no times; without --expected nothing is known of
what was never stored, and it is printed as unknown.`,
		Example: `  lastpage grade runs/20260101-120000/legacy/trial-001
  lastpage grade --wire minicom.cap --ring vmcore`,
		Args: cobra.MaximumNArgs(1),
	}
	c.Flags().StringVar(&wireFile, "wire", "", "bytes as captured from the serial line")
	c.Flags().StringVar(&ringFile, "ring", "", "dump of the same boot: whatever `lastpage dmesg` reads")
	c.Flags().StringVar(&expected, "expected", "", "trial in which nothing was interrupted, for what was expected")
	c.Flags().StringVar(&runID, "run-id", "", "run id of the probe's records (8 hex digits), if the probe was used")
	c.Flags().IntVar(&loglevel, "loglevel", 0, "console_loglevel of the boot; 0: unknown, nothing counts as suppressed")
	asJSON := jsonFlag(c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		var g *grade.Grade
		switch {
		case len(args) == 1:
			if err := idle(cmd, "on a trial's folder, which holds all that is to be known", "wire", "ring", "expected", "run-id", "loglevel"); err != nil {
				return err
			}
			if err := trial(args[0]); err != nil {
				return err
			}
			t, err := harness.Regrade(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			g = t.Grade
		case wireFile != "":
			if loglevel < 0 || loglevel > 15 {
				return fmt.Errorf("--loglevel %d: want 1 to 15, or 0 for unknown", loglevel)
			}
			if runID != "" && !runIDs.MatchString(runID) {
				return fmt.Errorf("--run-id %q: want 8 hex digits", runID)
			}
			var err error
			if g, err = gradeFiles(cmd, wireFile, ringFile, expected, runID, loglevel); err != nil {
				return err
			}
		default:
			return fmt.Errorf("give the folder of a trial, or --wire FILE with --ring VMCORE")
		}
		if *asJSON {
			if err := printJSON(cmd.OutOrStdout(), g); err != nil {
				return err
			}
		} else if err := grade.WriteText(cmd.OutOrStdout(), g); err != nil {
			return err
		}
		if len(g.Void) > 0 || g.Letter == "" {
			return inconclusive("no grade: the reasons are above")
		}
		return nil
	}
	return c
}

// runIDs are what the probe puts into its records.
var runIDs = regexp.MustCompile(`^[0-9a-f]{8}$`)

func gradeFiles(cmd *cobra.Command, wireFile, ringFile, expected, runID string, loglevel int) (*grade.Grade, error) {
	idx := ""
	if len(wireFile) > 4 && wireFile[len(wireFile)-4:] == ".bin" {
		if _, err := os.Stat(wireFile[:len(wireFile)-4] + ".idx"); err == nil {
			idx = wireFile[:len(wireFile)-4] + ".idx"
		}
	}
	log, info, err := wire.LoadFiles(wireFile, idx)
	if err != nil {
		return nil, err
	}
	in := grade.Input{Wire: log, WireFinished: info.Finished, RunID: runID, Loglevel: loglevel, RingWhy: "none was given (--ring)"}
	if ringFile != "" {
		if in.Ring, err = ring.Load(cmd.Context(), ringFile, ring.LoadOptions{}); err != nil {
			return nil, err
		}
	}
	if expected != "" {
		ref, err := harness.Regrade(cmd.Context(), expected)
		if err != nil {
			return nil, err
		}
		in.Reference = ref.Expected()
	}
	return grade.Make(in), nil
}
