// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lastpage/harness"
	"lastpage/harness/compare"
	"lastpage/harness/report"
	"lastpage/harness/report/results"
	"lastpage/kernels"
	"lastpage/kernels/names"
	"lastpage/lab"
	"lastpage/lab/kind"
)

type sweepFlags struct {
	target
	courses         courses
	reports         reports
	strategies      []string
	scenario        string
	series          harness.Series // of that one
	points, workers int
	by              string
	sample          int
	out             string
	json            bool
}

func newSweep() *cobra.Command {
	var f sweepFlags
	c := &cobra.Command{
		Use:   "sweep",
		Short: "interrupt a WARN at every point, and draw what is left of it",
		Long: `Takes one snapshot of the armed guest, lets a WARN with a backlog pending run to its end once, and
then again and again from the same snapshot, each time with an NMI panic at another moment, from the provocation to the end of
what it makes the kernel send. The result is a curve: how much of the WARN is stored, and how much was sent, against
the moment of the NMI. --scenario takes another trouble, or the file of your own (docs/scenarios.md): one that has a WARN
and is interrupted. Its own moments are not used.

--by says how the moments are spread: evenly over the bytes of the wire, after each record, or evenly over
the time. Where the whole WARN begins to be stored, or sent, the gap is then narrowed: to a byte, and between two bytes to 1 us.

--out DIR gets sweep.json, sweep.tsv and the whole evidence of every --sample'th point, and one picture of all strategies
(sweep.png, sweep.svg). A sweep
that was stopped goes on where it was when it is started again with the same --out. Every point is a moment of its own and is
tried once: on an exact wire it gives the same bytes whenever it is tried.`,
		Example: `  lastpage sweep --strategy inline
  lastpage sweep --strategy inline,deferred --points 200 --board qemu-smp1 --out sweeps
  lastpage sweep --strategy deferred --by record
  lastpage sweep --strategy inline --scenario mine.yaml --points 100`,
		Args: nothing,
	}
	fl := c.Flags()
	f.flags(fl)
	quietFlag(c)
	f.courses.flags(fl, 0)
	dryFlag(c)
	fl.StringSliceVar(&f.strategies, "strategy", []string{"inline"}, "strategies of the catalogue, one sweep each")
	fl.StringVar(&f.scenario, "scenario", "warn-nmi-panic", "what is provoked and interrupted: a scenario's name, or FILE.yaml")
	fl.IntVar(&f.points, "points", 1000, "points; by record at most one for each")
	fl.StringVar(&f.by, "by", compare.ByByte, "spread them by "+strings.Join(compare.SweepBy, ", "))
	fl.IntVar(&f.workers, "workers", 2, "trials at the same time")
	fl.IntVar(&f.sample, "sample", 50, "keep the evidence of every so many points (0: of none)")
	fl.StringVar(&f.out, "out", "", "folder; several strategies get a folder in it each (default runs/sweep-DATE-TIME)")
	fl.BoolVar(&f.json, "json", false, "print sweep.json (docs/json.md describes it)")
	f.reports.flags(fl)
	c.RunE = func(cmd *cobra.Command, _ []string) error { return f.run(cmd) }
	return c
}

func (f *sweepFlags) run(cmd *cobra.Command) error {
	if f.points < 1 || f.workers < 1 || f.workers > 64 || f.sample < 0 {
		return fmt.Errorf("--points %d --workers %d --sample %d: want at least one point, 1 to 64 workers, and no negative sample", f.points, f.workers, f.sample)
	}
	if !slices.Contains(compare.SweepBy, f.by) {
		return names.Unknown("way to spread points", f.by, "(--by)", compare.SweepBy)
	}
	if err := f.reports.check(); err != nil {
		return err
	}
	if err := f.trouble(cmd); err != nil {
		return err
	}
	board, cat, err := f.open(cmd)
	if err == nil {
		f.strategies = f.image.tried(cmd, f.strategies, f.strategies)
		err = f.known(cmd, cat, f.strategies)
	}
	if err != nil {
		return err
	}
	if err := board.Entry.CanSweep(); err != nil {
		return fmt.Errorf("board %s: %w", board.Name, err)
	}
	if f.out == "" {
		f.out = filepath.Join("runs", "sweep-"+time.Now().Format("20060102-150405"))
	}
	e, err := f.courses.ensemble(cmd.Flags(), board)
	if err != nil {
		return err
	}
	// All are tried before anything is fetched or swept.
	var folders []*compare.Folder
	var jobs []sweepJob
	defer func() {
		for _, out := range slices.Backward(folders) { // the first one made what the others stand in
			out.Close()
		}
	}()
	for _, name := range f.strategies {
		dir := f.out
		if len(f.strategies) > 1 {
			dir = filepath.Join(f.out, name)
		}
		for _, c := range e.All() {
			dir := dir
			if c != nil {
				dir = filepath.Join(dir, fmt.Sprintf("course-%03d", c.N))
			}
			out, err := folder(dir, "", compare.SweepName)
			if err != nil {
				return err
			}
			folders = append(folders, out)
			jobs = append(jobs, sweepJob{name, c, out})
		}
	}
	if dry, err := dry(cmd); err != nil {
		return err
	} else if dry {
		return f.tell(cmd, cat)
	}
	p := newProgress(cmd)
	defer p.end()
	var done []*compare.Sweep
	var s *harness.Subject // of the job; the courses of a strategy share its snapshot
	defer func() {
		if s != nil {
			s.Bench.Rest()
		}
	}()
	for _, j := range jobs {
		if s != nil && s.Strategy != j.strategy {
			s.Bench.Rest()
			s = nil
		}
		var sw *compare.Sweep
		if s == nil {
			s, err = board.Subject(cmd.Context(), cat, j.strategy, lab.Options{Baud: f.baud, Progress: p, Accept: kind.AcceptFew, NoProbe: f.series.Scenario.NoProbe})
		}
		if err == nil {
			sw, err = f.one(cmd, s, j, p)
		}
		p.end()
		if sw != nil {
			done = append(done, sw)
			if perr := f.print(cmd, sw, j.out.Dir); perr != nil {
				err = errors.Join(err, perr)
			}
		}
		if err != nil {
			return errors.Join(resumable(errors.Join(err, drawSweeps(done, f.strategies, f.out)), cmd, f.out), f.document(cmd, done))
		}
	}
	if e.Courses > 0 && !f.json {
		err = report.SweptCourses(cmd.OutOrStdout(), done)
	}
	return errors.Join(err, drawSweeps(done, f.strategies, f.out), f.document(cmd, done))
}

// trouble finds what is provoked, and checks all of it that can be checked before anything is fetched.
func (f *sweepFlags) trouble(cmd *cobra.Command) error {
	sc, err := findScenario(cmd.Context(), f.scenario)
	if err != nil {
		return err
	}
	if !sc.Interrupted {
		return fmt.Errorf("sweep: nothing interrupts the scenario %s\n  those that are interrupted: %s", sc.Name, strings.Join(interrupted(), ", "))
	}
	if sc.NoProbe {
		if err := idle(cmd, "on scenario "+sc.Name+", which is without the probe and so without a backlog", "backlog", "record-len"); err != nil {
			return err
		}
	}
	f.series = harness.Series{Scenario: sc, Retries: 1, Shape: f.shape(), Injects: []harness.Inject{{At: "byte", N: 1}}}
	return f.series.Check()
}

// sweepJob is one sweep of several.
type sweepJob struct {
	strategy string
	course   *harness.Course
	out      *compare.Folder
}

// tell says what the sweep would do.
func (f *sweepFlags) tell(cmd *cobra.Command, cat *kernels.Catalogue) error {
	t := tale{w: cmd.OutOrStdout(), in: cmd}
	if err := t.strategies(cat, f.strategies); err != nil {
		return err
	}
	return t.trials(fmt.Sprintf("a reference and %d points of each of %d strategies and %d courses", f.points, len(f.strategies), max(1, f.courses.n)), (f.points+1)*len(f.strategies)*max(1, f.courses.n),
		" at most, and those that look for the edges", &f.target)
}

// document prints what --json asks for, one document whatever the number of strategies, and writes what --report does.
func (f *sweepFlags) document(cmd *cobra.Command, all []*compare.Sweep) error {
	if len(all) == 0 {
		return nil
	}
	if err := f.reports.write(results.OfSweep(all)); err != nil {
		return err
	}
	switch {
	case !f.json:
		return nil
	case len(all) == 1 && len(f.strategies) == 1:
		return printJSON(cmd.OutOrStdout(), all[0])
	}
	return printJSON(cmd.OutOrStdout(), sweepsDocument{sweepsSchema, all})
}

func (f *sweepFlags) one(cmd *cobra.Command, s *harness.Subject, j sweepJob, p *progress) (*compare.Sweep, error) {
	o := compare.SweepOrder{By: f.by, Points: f.points, Workers: f.workers, Sample: f.sample, Series: f.series, Out: j.out}
	o.Course = j.course
	full := false // the points that are spread are all done
	return compare.ExecuteSweep(cmd.Context(), o, s, func(strategy, what string, done, of int) {
		if full {
			what = "narrowing the gap before an edge, " + what
		}
		full = full || done >= of
		if p.live() || full || done%50 == 0 {
			p.counted(done, done, of, strategy+": "+what+p.perHour("trials"))
		}
	})
}

func (f *sweepFlags) print(cmd *cobra.Command, sw *compare.Sweep, dir string) error {
	if err := report.Views(sw, dir); err != nil {
		return err
	}
	if f.json {
		return nil
	}
	if err := report.Sweep(cmd.OutOrStdout(), sw); err != nil {
		return err
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "\nevidence: %s\n", dir)
	return err
}
