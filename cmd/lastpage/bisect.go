// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"lastpage/harness/compare"
	"lastpage/harness/report"
	"lastpage/kernels"
	"lastpage/lab"
)

type bisectFlags struct {
	target
	judging
	good, bad string
	json      bool
}

func newBisect() *cobra.Command {
	var f bisectFlags
	c := &cobra.Command{
		Use:   "bisect",
		Short: "find the first commit that loses messages",
		Long: `Builds commits of a git repository as they are, with a small configuration or yours, and tries each in the same courses. A commit
is bad if the policy fails it against the good one, good if it passes. Git chooses the next. docs/gate.md explains policies and courses.

A commit that does not build, does not come to its trial, or whose verdict is open is skipped. One whose kernel is equal, byte for byte, to
one that was tried has its verdict. The repository is only read.

Exit status: 0 the first bad commit was found, 2 it cannot be told, 3 the lab or the usage failed.`,
		Example: `  lastpage bisect --tree ~/src/linux --good v7.3 --bad master
  lastpage bisect --tree . --good HEAD~50 --bad HEAD --scenario warn-nmi-panic --scenario panic
  lastpage bisect --tree . --good v7.3 --bad HEAD --scenario reproducer.yaml --policy complete`,
		Args: nothing,
	}
	fl := c.Flags()
	fl.StringVar(&f.board, "board", "qemu", "board of the inventory")
	fl.StringVar(&f.inventory, "inventory", "", "inventory file (default: the built-in one)")
	fl.StringVar(&f.tree.Source, "tree", "", "folder of the git repository (only read)")
	fl.StringVar(&f.tree.Config, "config", "", "whole .config in place of the small one")
	fl.StringVar(&f.image.more, "append", "", "more for the command line of the kernels")
	fl.StringVar(&f.good, "good", "", "commit that loses nothing, or less")
	fl.StringVar(&f.bad, "bad", "", "commit that loses more")
	fl.IntVar(&f.baud, "baud", 115200, "rate of the line")
	fl.IntVar(&f.backlog, "backlog", 600, "records of the backlog")
	fl.IntVar(&f.length, "record-len", 80, "bytes of text in a record of the backlog")
	f.judging.flags(fl, "bisection", "bisect")
	fl.BoolVar(&f.json, "json", false, "print bisect.json (docs/json.md describes it)")
	quietFlag(c)
	dryFlag(c)
	c.RunE = func(cmd *cobra.Command, _ []string) error { return f.run(cmd) }
	return c
}

func (f *bisectFlags) run(cmd *cobra.Command) error {
	for name, v := range map[string]string{"tree": f.tree.Source, "good": f.good, "bad": f.bad} {
		if v == "" {
			return fmt.Errorf("want --tree, --good and --bad: a git repository and two commits of it; --%s is missing", name)
		}
	}
	if err := f.resumes(compare.BisectName, "bisection"); err != nil {
		return err
	}
	good, err := commit(cmd.Context(), f.tree.Source, f.good)
	if err != nil {
		return err
	}
	bad, err := commit(cmd.Context(), f.tree.Source, f.bad)
	if err != nil {
		return err
	}
	if good == bad {
		return fmt.Errorf("--good %s and --bad %s are one commit", f.good, f.bad)
	}
	repo, err := filepath.Abs(f.tree.Source)
	if err != nil {
		return err
	}
	board, err := f.target.at(cmd, f.wire)
	if err != nil {
		return err
	}
	o, err := f.order(cmd, board, f.shape())
	if err != nil {
		return err
	}
	switch need := o.Policy.Needs(); {
	case o.Sequential:
		return fmt.Errorf("board %s never repeats itself, and a bisection of coins goes astray: take a board with an exact wire, or\n"+
			"  git bisect run lastpage gate --base %s --tree . --range GOOD..HEAD --board %s --exit bisect", board.Name, kernels.Plain, board.Name)
	case o.Ensemble.Courses < need:
		return fmt.Errorf("--courses %d: policy %s passes nothing with less than %d: every commit would be skipped", o.Ensemble.Courses, o.Policy.Name, need)
	}
	b := &compare.Bisect{Tree: repo, Good: good, Bad: bad, Board: board.Name, Baud: f.baud, Command: command(os.Args),
		Conditions: compare.Conditions{"append": strings.Join(strings.Fields(f.image.more), " ")}}
	w := &walk{f: f, board: board, o: &o, b: b, repo: repo}
	if b.Conditions["config"], err = fileDigest(f.tree.Config); err != nil {
		return err
	}
	isDry, err := dry(cmd)
	if err != nil {
		return err
	}
	if o.Out, err = folder(f.out, "bisect-", compare.BisectName); err != nil {
		return err
	}
	defer o.Out.Close()
	w.dir = o.Out.Dir
	if w.git, err = bisect(cmd.Context(), repo, filepath.Join(w.dir, "git"), good, bad); err != nil {
		return err
	}
	if isDry {
		return errors.Join(w.tell(cmd), w.git.remove())
	}
	if err := w.all(cmd); err != nil {
		return resumable(err, cmd, w.dir)
	}
	return f.end(cmd, b, w.dir)
}

// end prints a finished bisection and turns it into a status.
func (f *bisectFlags) end(cmd *cobra.Command, b *compare.Bisect, dir string) error {
	out := cmd.OutOrStdout()
	var err error
	if f.json {
		err = printJSON(out, b)
	} else if err = report.Bisect(out, b); err == nil {
		_, err = fmt.Fprintf(out, "\nevidence: %s\n", dir)
	}
	if err == nil && b.First == nil {
		err = inconclusive("bisect: %s", b.Why)
	}
	return err
}

// at finds the board alone, for a command whose kernels come from nowhere else.
func (t *target) at(cmd *cobra.Command, wire string) (*lab.Board, error) {
	if err := t.check(cmd); err != nil {
		return nil, err
	}
	board, err := t.find()
	if err == nil && wire != "" {
		err = board.Entry.UseWire(wire)
	}
	return board, err
}
