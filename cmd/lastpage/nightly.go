// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lastpage/harness"
	"lastpage/harness/compare"
	"lastpage/harness/gate"
	"lastpage/kernels"
	"lastpage/lab"
	"lastpage/lab/nightly"
)

// nightScenarios are those of the specs of boards: what every board with all its parts can play.
var nightScenarios = []string{"warn", "panic", "nmi-panic", "break-panic", "warn-nmi-panic"}

type nightlyFlags struct {
	target          // board is not one of its flags here
	boards          []string
	strategies      []string
	scenarios       []string
	injects         []string
	trials, retries int
	together        int
	wait            time.Duration
	stress          time.Duration
	out, require    string
	json            bool
}

func newNightly() *cobra.Command {
	var f nightlyFlags
	c := &cobra.Command{
		Use:   "nightly",
		Short: "try every board of an inventory while nobody looks",
		Long: `Leases each board, checks its parts, plays a small matrix of strategies and scenarios on it, and lets it go, switched off. A board
that fails does not stop the others; one that somebody else has is waited for, and then named with who has it.

In the folder are nightly.json, nightly.txt, junit.xml, results.ktap, kcidb.json, and a matrix for each board. With the same --out a night
that was stopped goes on where it was. docs/nightly.md has a systemd timer and a line for cron.

Exit status: 0 all boards were tried, 1 a kernel failed, 2 it cannot be told, 3 a board could not be tried to the end.`,
		Example: `  lastpage nightly --inventory boards.yaml
  lastpage nightly --inventory boards.yaml --board rack3-a --strategy legacy --scenario nmi-panic --require B
  lastpage nightly --inventory boards.yaml --wait 2h --together 8`,
		Args: nothing,
	}
	fl := c.Flags()
	fl.StringVar(&f.inventory, "inventory", "", "inventory file (default: the built-in one)")
	fl.StringSliceVar(&f.boards, "board", nil, "boards of the inventory (default: all)")
	fl.StringSliceVar(&f.catalogue, "catalogue", nil, "catalogue file that adds to the built-in one (also "+kernels.CatalogueEnv+")")
	fl.StringSliceVar(&f.strategies, "strategy", stockStrategies, "strategies of the catalogue")
	fl.StringSliceVar(&f.scenarios, "scenario", nightScenarios, "scenarios, names or FILE.yaml")
	fl.StringArrayVar(&f.injects, "inject", []string{"share:30%"}, "when an interrupted scenario is interrupted; may be repeated")
	fl.IntVar(&f.backlog, "backlog", 600, "records of the backlog")
	fl.IntVar(&f.length, "record-len", 80, "bytes of text in a record of the backlog")
	fl.IntVar(&f.trials, "trials", 1, "at most so many trials of a scenario (0: all that make it)")
	fl.IntVar(&f.retries, "retries", 2, "void trials allowed for each valid one")
	fl.DurationVar(&f.stress, "stress", stressTime, "how long the check sends a pattern over the line in each direction")
	fl.IntVar(&f.together, "together", 1, "boards at the same time")
	fl.DurationVar(&f.wait, "wait", time.Hour, "how long to wait for a board that somebody else has")
	fl.StringVar(&f.out, "out", "", "folder (default runs/nightly-DATE-TIME)")
	fl.StringVar(&f.require, "require", "", "fail with status 1 if a letter is below this one (A to F)")
	fl.BoolVar(&f.json, "json", false, "print nightly.json (docs/json.md describes it)")
	quietFlag(c)
	c.RunE = func(cmd *cobra.Command, _ []string) error { return f.run(cmd) }
	return c
}

// order checks everything that can be checked before anything is touched.
func (f *nightlyFlags) order(cmd *cobra.Command) (o nightly.Order, err error) {
	o = nightly.Order{Strategies: f.strategies, Require: f.require, Wait: f.wait, Stress: f.stress, Together: f.together, Baud: 115200,
		Matrix: compare.MatrixOrder{Retries: f.retries, Trials: f.trials, PhaseUS: 700, Shape: f.shape()}}
	if f.trials < 0 || f.retries < 0 || f.together < 1 || f.wait < 0 {
		return o, fmt.Errorf("--trials %d --retries %d --together %d --wait %s: want nothing negative, and at least one board at a time", f.trials, f.retries, f.together, f.wait)
	}
	if f.stress < time.Second || f.stress > 24*time.Hour {
		return o, fmt.Errorf("--stress %s: want 1s to 24h", f.stress)
	}
	if f.require != "" {
		if err := gate.CheckLetter(f.require); err != nil {
			return o, fmt.Errorf("--require %q: %w", f.require, err)
		}
	}
	if err := f.check(cmd); err != nil {
		return o, err
	}
	interrupted := false
	for _, name := range f.scenarios {
		sc, err := findScenario(cmd.Context(), name)
		if err != nil {
			return o, err
		}
		if slices.ContainsFunc(o.Matrix.Scenarios, func(have harness.Scenario) bool { return have.Name == sc.Name }) {
			return o, fmt.Errorf("scenario %s: named twice", sc.Name)
		}
		interrupted = interrupted || sc.Interrupted && len(sc.Injects) == 0
		if o.Matrix.Scenarios = append(o.Matrix.Scenarios, sc); sc.NoProbe != o.Matrix.Scenarios[0].NoProbe {
			return o, fmt.Errorf("scenarios %s and %s: one is with the probe, the other without it: make a night of each kind", o.Matrix.Scenarios[0].Name, sc.Name)
		}
	}
	if !interrupted {
		if err := idle(cmd, "on "+strings.Join(f.scenarios, ", ")+", of which none waits for a moment of yours", "inject"); err != nil {
			return o, err
		}
	}
	for _, text := range f.injects {
		in, err := harness.ParseInject(text)
		if err != nil {
			return o, err
		}
		o.Matrix.Injects = append(o.Matrix.Injects, in)
	}
	inv, err := lab.LoadInventory(f.inventory)
	if err != nil {
		return o, err
	}
	o.Boards = inv.Boards
	if len(f.boards) > 0 {
		o.Boards = nil
		for _, name := range f.boards {
			b, err := inv.Find(name)
			if err != nil {
				return o, err
			}
			if slices.Contains(o.Boards, b) {
				return o, fmt.Errorf("--board %s: named twice", name)
			}
			o.Boards = append(o.Boards, b)
		}
	}
	if o.Catalogue, err = kernels.LoadCatalogue(f.catalogue...); err != nil {
		return o, err
	}
	return o, f.known(cmd, o.Catalogue, f.strategies)
}

func (f *nightlyFlags) run(cmd *cobra.Command) error {
	o, err := f.order(cmd)
	if err != nil {
		return err
	}
	out, err := folder(f.out, "nightly-", nightly.Name)
	if err != nil {
		return err
	}
	defer out.Close()
	o.Dir = out.Dir
	p := newProgress(cmd)
	defer p.end()
	o.Progress = p
	o.Tell = func(board, what string, done, of int) {
		if of == 0 {
			p.step("%s: %s", board, what)
			return
		}
		p.counted(done+1, done, of, board+": "+what)
	}
	n, err := nightly.Run(cmd.Context(), o)
	p.end()
	err = errors.Join(err, n.Write(out.Dir, strings.Join(os.Args, " ")))
	if f.json {
		err = errors.Join(err, printJSON(cmd.OutOrStdout(), n))
	} else {
		err = errors.Join(err, n.Text(cmd.OutOrStdout()))
		fmt.Fprintf(cmd.OutOrStdout(), "\nevidence: %s\n", out.Dir)
	}
	if err != nil {
		return resumable(err, cmd, out.Dir)
	}
	return nightVerdict(n)
}

// nightVerdict turns the night into an exit status.
func nightVerdict(n *nightly.Night) error {
	switch outcome, why := n.Outcome(); outcome {
	case nightly.KernelFailed:
		return kernelFailed("%s", why)
	case nightly.LabFailed:
		return &verdict{exitLabFailed, errors.New(why)}
	case nightly.Unsure:
		return inconclusive("%s", why)
	}
	return nil
}
