// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"lastpage/harness"
	"lastpage/harness/compare"
	"lastpage/harness/gate"
	"lastpage/harness/report"
	"lastpage/harness/report/results"
	"lastpage/kernels"
	"lastpage/lab"
	"lastpage/lab/kind"
)

type runFlags struct {
	target
	courses         courses
	reports         reports
	strategies      []string
	kernels         []string
	scenario        string
	injects         []string
	trials, retries int
	phase           time.Duration
	wire            string
	out, require    string
	json            bool
}

// What is tried when the user names nothing: stock kernels, which nobody has to build; or, of a tree of his, how mainline flushes and what
// was proposed to replace it.
var (
	stockStrategies = []string{"legacy", "nbcon-rt"}
	treeStrategies  = []string{"inline", "deferred"}
)

func newRun() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run",
		Short: "try strategies, and print how complete each one's messages were",
		Long: `Boots each strategy's kernel, provokes the scenario, captures the serial line at its baud rate, reads
the printk ringbuffer, and prints for every section how much was expected, stored, and on the wire.

Scenarios, or the file of one of your own (docs/scenarios.md):
` + scenarioHelp() + `
The moment of an interruption (--inject, may be repeated; trials take them in turn):
  ` + strings.ReplaceAll(harness.Injects, "\n", "\n  ") + `

A trial that the harness spoilt is void: it is repeated, counted, and never graded.

` + coursesHelp,
		Example: `  lastpage run
  lastpage run --strategy nbcon-rt --scenario warn-nmi-panic --inject share:10% --inject share:90%
  lastpage run --tree ~/src/linux --patch 0001-mine.patch
  lastpage run --image ~/src/linux/arch/x86/boot/bzImage
  lastpage run --strategy legacy --scenario mine.yaml
  lastpage run --strategy legacy --scenario warn --trials 20 --board qemu-concurrent`,
		Args: nothing,
	}
	f.add(c.Flags())
	quietFlag(c)
	dryFlag(c)
	c.RunE = func(cmd *cobra.Command, _ []string) error { return f.run(cmd) }
	return c
}

func (f *runFlags) add(fl *pflag.FlagSet) {
	f.flags(fl)
	fl.StringSliceVar(&f.strategies, "strategy", nil, "strategies of the catalogue (default "+strings.Join(stockStrategies, ",")+
		"; with --tree, --patch or --config "+strings.Join(treeStrategies, ",")+")")
	fl.StringSliceVar(&f.kernels, "kernel", nil, "kernels of the catalogue, each as the strategy that it is by itself")
	fl.StringVar(&f.scenario, "scenario", "warn-nmi-panic", "what is provoked: a scenario's name, or FILE.yaml")
	fl.StringArrayVar(&f.injects, "inject", []string{"share:50%"}, "when it is interrupted; a scenario may bring its own moments")
	fl.IntVar(&f.trials, "trials", 1, "valid trials per course; by default as many as there are moments, if they are more")
	f.courses.flags(fl, 8)
	fl.IntVar(&f.retries, "retries", 2, "void trials allowed for each valid one")
	fl.DurationVar(&f.phase, "phase", 5207*time.Microsecond, "provoke each interrupted trial this much later than the one before; 0 makes them equal")
	fl.StringVar(&f.wire, "wire", "", "override the board's wire: exact or concurrent")
	fl.StringVar(&f.out, "out", "", "folder of the run; one that was interrupted goes on there (default runs/DATE-TIME)")
	fl.StringVar(&f.require, "require", "", "fail with status 1 if a strategy's letter is below this one (A to F)")
	fl.BoolVar(&f.json, "json", false, "print run.json (docs/json.md describes it)")
	f.reports.flags(fl)
}

func scenarioHelp() string {
	var b strings.Builder
	for _, s := range harness.Scenarios() {
		fmt.Fprintf(&b, "  %-36s %s\n", s.Name, s.About)
	}
	return b.String()
}

// order checks everything that can be checked before anything is fetched or booted.
func (f *runFlags) order(cmd *cobra.Command) (compare.RunOrder, error) {
	o := compare.RunOrder{Series: harness.Series{Retries: f.retries, PhaseUS: uint32(f.phase.Microseconds()), Shape: f.shape()}}
	var err error
	if o.Scenario, err = findScenario(cmd.Context(), f.scenario); err != nil {
		return o, err
	}
	if o.Scenario.NoProbe {
		if err := idle(cmd, "on scenario "+o.Scenario.Name+", which is without the probe and so without a backlog", "backlog", "record-len"); err != nil {
			return o, err
		}
	}
	if o.Injects, err = f.moments(cmd, &o.Scenario); err != nil {
		return o, err
	}
	o.Trials = f.trials
	if f.trials < 1 || f.retries < 0 {
		return o, fmt.Errorf("--trials %d --retries %d: at least one trial, and no fewer than no retries", f.trials, f.retries)
	}
	if f.phase < 0 || f.phase > time.Second || f.phase%time.Microsecond != 0 {
		return o, fmt.Errorf("--phase %s: want 0 to 1s in whole microseconds", f.phase)
	}
	if f.require != "" {
		if err := gate.CheckLetter(f.require); err != nil {
			return o, fmt.Errorf("--require %q: %w", f.require, err)
		}
	}
	if err := f.reports.check(); err != nil {
		return o, err
	}
	if cmd.Flags().Changed("phase") && o.Trials == 1 {
		return o, fmt.Errorf("--phase has no effect with one trial in each course: give --trials")
	}
	if err := o.Check(); err != nil {
		return o, err
	}
	return o, nil
}

func (f *runFlags) run(cmd *cobra.Command) error {
	o, err := f.order(cmd)
	if err != nil {
		return err
	}
	board, cat, err := f.openWith(cmd, f.wire)
	if err != nil {
		return err
	}
	names, err := f.names(cmd, cat)
	if err != nil {
		return err
	}
	if o.Ensemble, err = f.courses.ensemble(cmd.Flags(), board); err != nil {
		return err
	}
	o.Workers = 1
	if board.Entry.Courses() != harness.OwnWay { // in host time one guest would disturb the other
		o.Workers = 2
	}
	// Tried before anything is fetched or built.
	if o.Out, err = folder(f.out, "", compare.RunName); err != nil {
		return err
	}
	defer o.Out.Close()
	if dry, err := dry(cmd); err != nil {
		return err
	} else if dry {
		return f.tell(cmd, cat, &o, names)
	}
	p := newProgress(cmd)
	defer p.end()
	subjects, free, err := f.subjects(cmd.Context(), board, cat, names, lab.Options{Accept: kind.AcceptOne, NoProbe: o.Scenario.NoProbe}, p)
	defer free()
	if err != nil {
		return err
	}
	r, err := compare.Execute(cmd.Context(), o, subjects, func(strategy, what string, done, of int) {
		p.counted(done+1, done, of, strategy+": "+what)
	})
	p.end()
	if r != nil && (err == nil || f.json || tried(r)) { // a table of nothing would hide why
		err = errors.Join(err, f.print(cmd.OutOrStdout(), r, o.Out.Dir))
	}
	if r != nil {
		err = errors.Join(err, f.reports.write(results.OfRun(r, f.require)))
	}
	if err != nil {
		return resumable(err, cmd, o.Out.Dir)
	}
	return f.verdict(r)
}

// tried says whether anything came of a run.
func tried(r *compare.Run) bool {
	return slices.ContainsFunc(r.Rows, func(row *compare.Row) bool {
		return row.Fault != "" || slices.ContainsFunc(row.Courses, func(c *compare.CourseRow) bool {
			return c.Fault != "" || len(c.Trials)+len(c.Voids) > 0 || c.ReferenceGrade != nil
		})
	})
}

// tell says what the run would do.
func (f *runFlags) tell(cmd *cobra.Command, cat *kernels.Catalogue, o *compare.RunOrder, names []string) error {
	t := tale{w: cmd.OutOrStdout(), in: cmd}
	if err := t.strategies(cat, names); err != nil {
		return err
	}
	courses := max(1, o.Ensemble.Courses)
	what := fmt.Sprintf("%d in each of %d courses of each of %d strategies", o.Count()/courses, courses, len(names))
	return t.trials(what, o.Count()*len(names), ", if none is void", &f.target)
}

// names are the strategies to try. A kernel by itself becomes a strategy of its own name.
func (f *runFlags) names(cmd *cobra.Command, cat *kernels.Catalogue) ([]string, error) {
	names := slices.Clone(f.strategies)
	for _, k := range f.kernels {
		if _, err := cat.Kernel(k); err != nil {
			return nil, err
		}
		if _, err := cat.Strategy(k); err == nil {
			return nil, fmt.Errorf("--kernel %s: a strategy has that name too; take --strategy %s, or give the kernel another name in the catalogue", k, k)
		}
		cat.Strategies = append(cat.Strategies, kernels.Strategy{Name: k, Kernel: k, StandsFor: "the kernel as it is"})
		names = append(names, k)
	}
	names = append(names, f.image.names...)
	switch {
	case len(names) > 0:
	case f.tree.Set():
		names = treeStrategies
	default:
		names = stockStrategies
	}
	return names, f.known(cmd, cat, names)
}

func (f *runFlags) print(w io.Writer, r *compare.Run, dir string) error {
	if f.json {
		return printJSON(w, r)
	}
	if err := report.Run(w, r); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\nevidence: %s\n", dir)
	return err
}

// verdict turns the run into an exit status: the kernel's failures first, then what cannot be told.
func (f *runFlags) verdict(r *compare.Run) error {
	for _, row := range r.Rows {
		if row.Dead() != nil || row.Fault == compare.KernelsFault {
			return kernelFailed("%s: the kernel never came to its trial; its console's last lines are above", row.Strategy)
		}
		for i, g := range row.Graded() {
			if f.require != "" && gate.Require(g, f.require) == gate.Fail {
				return kernelFailed("%s: %s is graded %s, %s is required", row.Strategy, row.Trials()[i], g.Letter, f.require)
			}
		}
	}
	for _, row := range r.Rows {
		if row.Fault != "" {
			return inconclusive("%s: %s", row.Strategy, row.Why)
		}
		if n, of := len(row.Graded()), f.trials*max(1, r.Ensemble.Courses); n < of {
			return inconclusive("%s: only %d of %d trials are valid; the void ones and their reasons are in run.json", row.Strategy, n, of)
		}
		for i, g := range row.Graded() {
			if f.require != "" && gate.Require(g, f.require) == gate.Unknown {
				return inconclusive("%s: %s has no letter (%s), %s is required", row.Strategy, row.Trials()[i], g.Why, f.require)
			}
		}
	}
	return nil
}
