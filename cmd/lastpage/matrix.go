// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"lastpage/harness"
	"lastpage/harness/compare"
	"lastpage/harness/report"
	"lastpage/harness/report/results"
	"lastpage/kernels"
	"lastpage/kernels/plan"
	"lastpage/lab"
	"lastpage/lab/kind"
)

// The strategies of the built 7.x kernel and the stock kernels beside them.
var allStrategies = []string{"legacy", "nbcon-rt", "mainline", "inline", "deferred", "explicit", "kthread-only", "newest-first"}

// allScenarios is every scenario whose outcome differs by more than the manner of death: of the deaths the hang, and of those in the crash
// kernel the one that measures how long it takes to come there.
func allScenarios() []string {
	var all []string
	for _, s := range harness.Scenarios() {
		plain := s.Provoke == plan.ProvokePanic && s.DieAt == plan.StepCrashExec && !s.Delay
		if s.DieHow == plan.DeathReset || s.DieHow == plan.DeathTriple || plain {
			continue
		}
		all = append(all, s.Name)
	}
	return all
}

type matrixFlags struct {
	target
	courses          courses
	reports          reports
	strategies       []string
	scenarios        []string
	workers, retries int
	trials           int
	masks            bool
	out              string
	json             bool
}

func newMatrix() *cobra.Command {
	var f matrixFlags
	c := &cobra.Command{
		Use:   "matrix",
		Short: "every strategy in every scenario: who loses what, where, and at what price",
		Long: `Plays every scenario on every strategy and prints tables that fit into a mail. A strategy may be followed by more
words for the command line: explicit+printk.flush_points=5.

What was finished stays: with the same --out a stopped matrix goes on where it was, and more strategies or scenarios can
be added to it.

` + coursesHelp + `
With courses, a scenario that nothing interrupts is tried once in each.`,
		Example: `  lastpage matrix
  lastpage matrix --strategy inline,deferred --scenario panic-dies-in:kmsg-dump --scenario crash-exec-delay
  lastpage matrix --masks
  lastpage matrix survival runs/x/panic/inline/trial-001`,
		Args: nothing,
	}
	fl := c.Flags()
	f.flags(fl)
	quietFlag(c)
	f.courses.flags(fl, 4)
	dryFlag(c)
	fl.StringSliceVar(&f.strategies, "strategy", nil, "strategies of the catalogue (default "+strings.Join(allStrategies, ",")+")")
	fl.StringSliceVar(&f.scenarios, "scenario", nil, "scenarios, names or FILE.yaml (default: all; of a death, the hang)")
	fl.IntVar(&f.workers, "workers", 2, "trials at the same time")
	fl.IntVar(&f.retries, "retries", 1, "void trials allowed for each valid one")
	fl.IntVar(&f.trials, "trials", 0, "at most so many trials of a scenario (0: all that make it)")
	fl.BoolVar(&f.masks, "masks", false, "explicit with every mask of flush points, dying in every step of panic, and deferred beside it")
	fl.StringVar(&f.out, "out", "", "folder (default runs/matrix-DATE-TIME)")
	fl.BoolVar(&f.json, "json", false, "print matrix.json (docs/json.md describes it)")
	f.reports.flags(fl)
	c.RunE = func(cmd *cobra.Command, _ []string) error { return f.run(cmd) }
	c.AddCommand(newSurvival())
	return c
}

// order checks everything that can be checked before anything is fetched or booted.
func (f *matrixFlags) order(cmd *cobra.Command) (compare.MatrixOrder, error) {
	o := compare.MatrixOrder{Retries: f.retries, Workers: f.workers, Trials: f.trials, PhaseUS: 700, Shape: f.shape()}
	if f.masks {
		if err := idle(cmd, "beside --masks, which brings its own: leave one of them out", "strategy", "scenario", "image"); err != nil {
			return o, err
		}
		o.Trials = max(1, f.trials)
		f.strategies = []string{"deferred"}
		for mask := range 32 {
			f.strategies = append(f.strategies, fmt.Sprintf("explicit+printk.flush_points=%d", mask))
		}
		for _, step := range plan.Steps() {
			f.scenarios = append(f.scenarios, fmt.Sprintf("panic-dies-in:%s:%s", step, plan.DeathHang))
		}
	}
	if f.strategies == nil {
		f.strategies = allStrategies
	}
	if f.scenarios == nil {
		f.scenarios = allScenarios()
	}
	if f.workers < 1 || f.workers > 64 || f.retries < 0 || f.trials < 0 {
		return o, fmt.Errorf("--workers %d --retries %d --trials %d: want 1 to 64 workers, and nothing negative", f.workers, f.retries, f.trials)
	}
	for _, name := range f.scenarios {
		sc, err := findScenario(cmd.Context(), name)
		if err != nil {
			return o, err
		}
		if slices.ContainsFunc(o.Scenarios, func(have harness.Scenario) bool { return have.Name == sc.Name }) {
			return o, fmt.Errorf("scenario %s: named twice", sc.Name)
		}
		if o.Scenarios = append(o.Scenarios, sc); sc.NoProbe != o.Scenarios[0].NoProbe {
			return o, fmt.Errorf("scenarios %s and %s: one is with the probe, the other without it: make a matrix of each kind", o.Scenarios[0].Name, sc.Name)
		}
	}
	for _, text := range []string{"share:10%", "share:50%", "share:90%"} {
		in, err := harness.ParseInject(text)
		if err != nil {
			return o, err
		}
		o.Injects = append(o.Injects, in)
	}
	return o, nil
}

// accept is how many comparisons are made before a strategy is fast-forwarded. Each mask is a command line of its own, with five cells.
func (f *matrixFlags) accept() int {
	if f.masks {
		return kind.AcceptOne
	}
	return kind.AcceptFew
}

func (f *matrixFlags) run(cmd *cobra.Command) error {
	o, err := f.order(cmd)
	if err == nil {
		err = f.reports.check()
	}
	if err != nil {
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
	if o.Ensemble, err = f.courses.ensemble(cmd.Flags(), board); err != nil {
		return err
	}
	if o.Out, err = folder(f.out, "matrix-", compare.MatrixName); err != nil {
		return err
	}
	defer o.Out.Close()
	if dry, err := dry(cmd); err != nil {
		return err
	} else if dry {
		return f.tell(cmd, cat, &o)
	}
	p := newProgress(cmd)
	defer p.end()
	subjects, free, err := f.subjects(cmd.Context(), board, cat, f.strategies, lab.Options{Accept: f.accept(), NoProbe: o.Scenarios[0].NoProbe}, p)
	defer free()
	if err != nil {
		return err
	}
	m, err := compare.ExecuteMatrix(cmd.Context(), o, subjects, func(strategy, what string, done, of int) {
		p.counted(done, done, of, strategy+": "+what)
	})
	p.end()
	if err != nil {
		err = resumable(err, cmd, o.Out.Dir)
	}
	if m == nil {
		return err
	}
	var text strings.Builder
	err = errors.Join(err, report.Matrix(&text, m), harness.WriteFile(filepath.Join(o.Out.Dir, "matrix.txt"), []byte(text.String())), f.reports.write(results.OfMatrix(m, "")))
	if f.json {
		return errors.Join(err, printJSON(cmd.OutOrStdout(), m))
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s\nevidence: %s\n", text.String(), o.Out.Dir)
	return err
}

// tell says what the matrix would do.
func (f *matrixFlags) tell(cmd *cobra.Command, cat *kernels.Catalogue, o *compare.MatrixOrder) error {
	n := 0
	for _, sc := range o.Scenarios {
		k, err := o.Count(sc)
		if err != nil {
			return err
		}
		n += k
	}
	t := tale{w: cmd.OutOrStdout(), in: cmd}
	if err := t.strategies(cat, f.strategies); err != nil {
		return err
	}
	return t.trials(fmt.Sprintf("%d of each of %d strategies, in %d scenarios", n, len(f.strategies), len(o.Scenarios)), n*len(f.strategies),
		", if none is void and every kernel can play every scenario", &f.target)
}

func newSurvival() *cobra.Command {
	c := &cobra.Command{
		Use:   "survival TRIAL",
		Short: "from one captured trial: what would have been out if the power had gone at time t",
		Args:  cobra.ExactArgs(1),
	}
	asJSON := jsonFlag(c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if err := trial(args[0]); err != nil {
			return err
		}
		t, err := harness.LoadTrial(args[0])
		if err != nil {
			return err
		}
		s, err := harness.Survive(cmd.Context(), t)
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(cmd.OutOrStdout(), s)
		}
		return report.Survival(cmd.OutOrStdout(), s)
	}
	return c
}
