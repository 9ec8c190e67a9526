// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"lastpage/capture/ring"
	"lastpage/capture/wire"
	"lastpage/harness"
	"lastpage/harness/bundle"
	"lastpage/harness/grade"
)

// evidence is a capture with what it is graded by.
type evidence struct {
	wire, expected, runID string
	ring                  []string
	kernel                *string
	loglevel              int
	reference             map[string]grade.Count // in place of expected
}

// evidenceFlags are the flags of a capture that is no trial's.
var evidenceFlags = []string{"wire", "ring", "kernel", "expected", "run-id", "loglevel"}

func (e *evidence) flags(c *cobra.Command) {
	fl := c.Flags()
	fl.StringVar(&e.wire, "wire", "", "bytes as captured from the serial line, by whatever logger")
	fl.StringArrayVar(&e.ring, "ring", nil, "dump of the same boot: whatever `lastpage dmesg` reads; each file of one that is in several")
	fl.StringVar(&e.expected, "expected", "", "trial in which nothing was interrupted, for what was expected")
	fl.StringVar(&e.runID, "run-id", "", "run id of the probe's records (8 hex digits), if the probe was used")
	fl.IntVar(&e.loglevel, "loglevel", 0, "console_loglevel of the boot (0: as the dump's own command line sets it)")
	e.kernel = kernelInMemory(c)
}

// runIDs are what the probe puts into its records.
var runIDs = regexp.MustCompile(`^[0-9a-f]{8}$`)

// input reads the files.
func (e *evidence) input(cmd *cobra.Command) (in grade.Input, err error) {
	if e.loglevel < 0 || e.loglevel > 16 {
		return in, fmt.Errorf("--loglevel %d: want 1 to 16, or 0 for what the dump says", e.loglevel)
	}
	if e.runID != "" && !runIDs.MatchString(e.runID) {
		return in, fmt.Errorf("--run-id %q: want 8 hex digits", e.runID)
	}
	idx := ""
	if base, ok := strings.CutSuffix(e.wire, ".bin"); ok && harness.Exists(base+".idx") {
		idx = base + ".idx"
	}
	log, info, err := wire.LoadFiles(e.wire, idx)
	if err != nil {
		return in, err
	}
	in = grade.Input{Wire: log, Foreign: true, WireFinished: info.Finished, RunID: e.runID, Loglevel: e.loglevel, Reference: e.reference, RingWhy: "none was given (--ring)"}
	if idx != "" {
		if err := ownReport(&in, filepath.Dir(e.wire)); err != nil {
			return in, err
		}
	}
	if len(e.ring) > 0 {
		if in.Ring, err = ring.Load(cmd.Context(), e.ring[0], ring.LoadOptions{Kernel: *e.kernel, Parts: e.ring[1:]}); err != nil {
			return in, err
		}
		remark(cmd, e.ring[0], in.Ring.Notes)
	} else if *e.kernel != "" {
		return in, errors.New("--kernel has no effect without --ring")
	}
	if e.expected == "" {
		return in, nil
	}
	ref, err := harness.Regrade(cmd.Context(), e.expected)
	if err != nil {
		return in, err
	}
	if ref.Armed != nil && in.Ring != nil && in.Ring.Release != "" && ref.Armed.Release != in.Ring.Release {
		return in, fmt.Errorf("--expected %s is of another kernel, %s; the dump is of %s: what it expects says nothing of this boot",
			e.expected, ref.Armed.Release, in.Ring.Release)
	}
	in.Reference = ref.Expected()
	return in, nil
}

// ownReport takes over what lastpage's own capture found out about itself: why nothing may be graded on it, and what its port does not show.
func ownReport(in *grade.Input, dir string) error {
	report, err := wire.LoadReport(dir)
	if err != nil || report == nil {
		return err
	}
	in.Void = append(in.Void, report.Void...)
	for _, u := range report.Unseen {
		in.Lacks = append(in.Lacks, "the port of the capture does not show "+u)
	}
	return nil
}

func newGrade() *cobra.Command {
	var e evidence
	c := &cobra.Command{
		Use:   "grade TRIAL | BUNDLE | --wire FILE --ring DUMP [--expected TRIAL]",
		Short: "judge a recorded trial, with no board attached",
		Long: `Grades a trial's folder again from its files, or a bundle, or any capture of a serial line against any dump of the
same boot.

A wire without an index (wire.idx) is examined before it is judged: what a logger changed is undone for matching
and named, what it took away is unknown. Only the boot of the dump is judged, with every WARN, oops and lockup in
it. Without a dump there is no letter. Without --expected nothing is known of what was never stored.`,
		Example: `  lastpage grade runs/20260101-120000/legacy/trial-001
  lastpage grade --wire minicom.cap --ring vmcore
  lastpage grade --wire console.log --ring vmcore-dmesg.txt`,
		Args: cobra.MaximumNArgs(1),
	}
	e.flags(c)
	asJSON := jsonFlag(c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		var g *grade.Grade
		switch {
		case len(args) == 1:
			if err := idle(cmd, "on a trial or a bundle, which holds all that is to be known", evidenceFlags...); err != nil {
				return err
			}
			var err error
			if g, err = gradeOf(cmd, args[0]); err != nil {
				return err
			}
		case e.wire != "":
			in, err := e.input(cmd)
			if err != nil {
				return err
			}
			g = grade.Make(in)
		default:
			return fmt.Errorf("give the folder of a trial, a bundle, or --wire FILE with --ring DUMP")
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

// gradeOf grades a trial's folder or a bundle.
func gradeOf(cmd *cobra.Command, path string) (*grade.Grade, error) {
	if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() {
		g, err := gradeBundle(cmd, path)
		if errors.Is(err, bundle.ErrNoBundle) {
			return nil, fmt.Errorf("%s: a file, and %w: a capture is given with --wire, and a dump with --ring", path, err)
		}
		return g, err
	}
	if err := trial(path); err != nil {
		return nil, err
	}
	t, err := harness.Regrade(cmd.Context(), path)
	if err != nil {
		return nil, err
	}
	return t.Grade, nil
}
