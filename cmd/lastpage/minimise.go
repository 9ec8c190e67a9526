// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"lastpage/harness"
	"lastpage/harness/minimise"
	"lastpage/harness/report"
	"lastpage/kernels"
	"lastpage/lab"
	"lastpage/lab/kind"
)

type minimiseFlags struct {
	target
	strategy, scenario string
	retries            int
	out                string
	json               bool
}

func newMinimise() *cobra.Command {
	var f minimiseFlags
	c := &cobra.Command{
		Use:   "minimise TRIAL",
		Short: "the smallest backlog, the moments and the shortest command line that still lose the same records",
		Long: `Makes a trial again and again, on a board that repeats itself, in its own course: the first and the last byte at which an interruption
loses the same, the smallest backlog, the words of the command line that it needs. The same are the classes of loss that explain names,
with their sections, counts and records; numbers and addresses apart, the backlog's own records aside.

Each figure was tried, and the one beyond it too. There may be others further away: a search by halves takes one border for granted.

Kernel and board are those of the trial. If the kernel was not the catalogue's, say again which it was (--tree, --patch, --image).`,
		Example: `  lastpage minimise runs/20260101-120000/inline/course-001/trial-001
  lastpage minimise runs/gate-20260101-120000/warn-nmi-panic/head/course-001/trial-002 --strategy inline --patch 0001-mine.patch`,
		Args: cobra.ExactArgs(1),
	}
	fl := c.Flags()
	fl.StringVar(&f.inventory, "inventory", "", "inventory file (default: the built-in one)")
	fl.StringSliceVar(&f.catalogue, "catalogue", nil, "catalogue file that adds to the built-in one (also "+kernels.CatalogueEnv+")")
	treeFlags(fl, &f.tree)
	f.image.flags(fl)
	fl.StringVar(&f.image.more, "append", "", "more for the command line of --image")
	fl.StringVar(&f.strategy, "strategy", "", "strategy of the trial (default: as it says; that of a gate says base or head)")
	fl.StringVar(&f.scenario, "scenario", "", "FILE.yaml, of a trial of a scenario of one's own")
	fl.IntVar(&f.retries, "retries", 2, "void trials allowed for each valid one")
	fl.StringVar(&f.out, "out", "", "folder of the trials; one that was interrupted goes on there (default runs/minimise-DATE-TIME)")
	fl.BoolVar(&f.json, "json", false, "print minimise.json (docs/json.md describes it)")
	quietFlag(c)
	c.RunE = func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) }
	return c
}

func (f *minimiseFlags) run(cmd *cobra.Command, dir string) error {
	if err := trial(dir); err != nil {
		return err
	}
	t, err := harness.LoadTrial(dir)
	if err != nil {
		return err
	}
	if f.retries < 0 {
		return fmt.Errorf("--retries %d: want 0 or more", f.retries)
	}
	sc, err := f.which(cmd, t)
	if err != nil {
		return err
	}
	f.board, f.baud = t.Order.Board, t.Order.Frame.Baud
	board, cat, err := f.open(cmd)
	if err != nil {
		return err
	}
	name := f.strategy
	if name == "" {
		name = t.Order.Strategy
	}
	if base, _, _ := strings.Cut(name, "+"); f.strategy == "" {
		if _, err := cat.Strategy(base); err != nil {
			if _, err := cat.Kernel(base); err != nil {
				return fmt.Errorf("%s was made with strategy %s, which the catalogue does not know: say which it was (--strategy, --tree, --patch, --image)", dir, name)
			}
			cat.Strategies = append(cat.Strategies, kernels.Strategy{Name: base, Kernel: base, StandsFor: "the kernel as it is"})
		}
	}
	if err := f.known(cmd, cat, []string{name}); err != nil {
		return err
	}
	out, err := folder(f.out, "minimise-", minimise.Name)
	if err != nil {
		return err
	}
	defer out.Close()
	p := newProgress(cmd)
	defer p.end()
	all, free, err := f.subjects(cmd.Context(), board, cat, []string{name}, lab.Options{Accept: kind.AcceptOne, NoProbe: sc.NoProbe}, p)
	defer free()
	if err != nil {
		return err
	}
	if err := f.same(t, all[0], &sc); err != nil {
		return err
	}
	r := &minimise.Result{Command: command(os.Args)}
	err = minimise.Run(cmd.Context(), minimise.Order{Trial: t, Scenario: sc, Subject: all[0], Retries: f.retries, Dir: out.Dir,
		Tell: func(what string, trials int) { p.step("trial %d: %s", trials+1, what) }}, r,
		func(r *minimise.Result) error { return harness.WriteJSON(filepath.Join(out.Dir, minimise.Name), r) })
	p.end()
	switch {
	case err != nil:
		return resumable(err, cmd, out.Dir)
	case f.json:
		return printJSON(cmd.OutOrStdout(), r)
	}
	if err := report.Minimise(cmd.OutOrStdout(), r); err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "evidence: %s\n", out.Dir)
	return err
}

// which is the scenario of a trial.
func (f *minimiseFlags) which(cmd *cobra.Command, t *harness.Trial) (harness.Scenario, error) {
	own := t.Order.ScenarioDigest != ""
	switch {
	case own && f.scenario == "":
		return harness.Scenario{}, fmt.Errorf("%s is of scenario %s, which is a file: name it (--scenario FILE.yaml)", t.Dir(), t.Order.Scenario)
	case !own && f.scenario != "":
		return harness.Scenario{}, fmt.Errorf("--scenario has no effect on a trial of the built-in scenario %s", t.Order.Scenario)
	case !own:
		return harness.FindScenario(t.Order.Scenario)
	}
	sc, err := findScenario(cmd.Context(), f.scenario)
	if err == nil && sc.Digest != t.Order.ScenarioDigest {
		err = fmt.Errorf("--scenario %s: it is another file than that of the trial (sha256 %s, was %s)", f.scenario, sc.Digest, t.Order.ScenarioDigest)
	}
	return sc, err
}

// same refuses a kernel or a board that is not the trial's.
func (f *minimiseFlags) same(t *harness.Trial, s *harness.Subject, sc *harness.Scenario) error {
	o := &t.Order
	if !s.Repeats {
		return fmt.Errorf("board %s never repeats itself: what a single trial loses there says nothing of the next", s.Board)
	}
	line := strings.TrimSpace(s.Cmdline + " " + sc.Cmdline)
	was, _, _ := strings.Cut(t.ModeOr(s.Mode), "+") // how it is made faster is no other wire
	is, _, _ := strings.Cut(s.Mode, "+")
	for _, c := range []struct{ what, was, is string }{
		{"kernel", o.KernelKey, s.KernelKey}, {"command line", o.Cmdline, line}, {"wire", was, is},
	} {
		if c.was != c.is && c.what == "kernel" && t.Facts["kernel"] == s.Release && t.Made != harness.Version() {
			return fmt.Errorf("%s was made by lastpage %s, this is %s: what it brings into the guest of Linux %s has changed; make the trial again", t.Dir(), t.Made, harness.Version(), s.Release)
		}
		if c.was != c.is {
			return fmt.Errorf("%s was made with another %s: %s, now it is %s\n  say which it was: --strategy, --tree, --patch, --config, --image, --append", t.Dir(), c.what, c.was, c.is)
		}
	}
	return nil
}
