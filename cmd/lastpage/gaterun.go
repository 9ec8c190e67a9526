// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"lastpage/dut"
	"lastpage/harness"
	"lastpage/harness/compare"
	"lastpage/harness/gate"
	"lastpage/harness/report"
	"lastpage/harness/report/results"
	"lastpage/kernels/build"
	"lastpage/lab"
	"lastpage/lab/kind"
)

// execute makes both kernels, tries them and decides. A head that cannot be made or tried is a verdict, not an error.
func (f *gateFlags) execute(cmd *cobra.Command, board *lab.Board, o compare.GateOrder, base, head *gateSide) (*compare.Gate, error) {
	p := newProgress(cmd)
	defer p.end()
	ctx := cmd.Context()
	g := &compare.Gate{Board: board.Name, Baud: f.baud, Command: command(os.Args)}
	var err error
	if g.Base, err = base.make(ctx, p); err != nil {
		return nil, fmt.Errorf("base: %w", err)
	}
	var broken *build.Error
	g.Head, err = head.make(ctx, p)
	if err != nil && (!errors.As(err, &broken) || ctx.Err() != nil) {
		return nil, fmt.Errorf("head: %w", err)
	}
	if broken != nil {
		if err := g.Begin(&o); err != nil {
			return nil, err
		}
		return g, g.Ruin(gate.Fail, "head does not build, base does: "+complaint(broken.Text)+" (log: "+broken.Log+")")
	}
	g.Equal = g.Base.Image == g.Head.Image && strings.Join(strings.Fields(base.cmdline), " ") == strings.Join(strings.Fields(head.cmdline), " ")
	if err := g.Begin(&o); err != nil {
		return nil, err
	}
	if g.Equal && len(o.Policy.Must) == 0 {
		return g, g.Execute(ctx, o, &harness.Subject{}, &harness.Subject{}, nil)
	}
	options := lab.Options{Accept: kind.AcceptOne}
	bs, free, err := f.subjects(ctx, board, base.cat, []string{base.name}, options, p)
	defer free()
	if err != nil {
		return nil, fmt.Errorf("base: %w", err)
	}
	hs, freeHead, err := f.subjects(ctx, board, head.cat, []string{head.name}, options, p)
	defer freeHead()
	var boot *dut.BootError
	switch {
	case errors.As(err, &boot) && boot.Doubt:
		return g, g.Ruin(gate.Unknown, "head was never tried: "+firstLine(boot.Error()))
	case errors.As(err, &boot):
		return g, g.Ruin(gate.Fail, "head died before it could be tried: "+boot.Why)
	case err != nil:
		return nil, fmt.Errorf("head: %w", err)
	}
	g.Base.Cmdline, g.Head.Cmdline = bs[0].Cmdline, hs[0].Cmdline
	err = g.Execute(ctx, o, bs[0], hs[0], func(strategy, what string, done, of int) {
		p.counted(done+1, done, of, strategy+": "+what)
	})
	return g, err
}

// end prints a decided gate and turns it into a status.
func (f *gateFlags) end(cmd *cobra.Command, g *compare.Gate, dir string) error {
	if err := f.reports.write(results.OfGate(g)); err != nil {
		return err
	}
	w := cmd.OutOrStdout()
	o := outcomeOf(g)
	var err error
	switch {
	case f.json:
		err = printJSON(w, g)
	case f.exit == "b4" && o == passed: // every line would be a warning
	case f.exit == "b4":
		word := "ERROR"
		if o == unsure {
			word = "WARNING"
		}
		_, err = fmt.Fprintf(w, "%s: lastpage gate: %s\n", word, g.Decision.Why)
	default:
		if err = report.Gate(w, g); err == nil {
			_, err = fmt.Fprintf(w, "\nevidence: %s\n", dir)
		}
	}
	if err != nil || o == passed {
		return err
	}
	if f.exit == "b4" {
		return &verdict{exits[f.exit][o], nil}
	}
	return exitAs(f.exit, o, "gate: %s", g.Decision.Verdict)
}

// tell says what the gate would do.
func (f *gateFlags) tell(cmd *cobra.Command, o *compare.GateOrder, base, head *gateSide) error {
	t := tale{w: cmd.OutOrStdout(), in: cmd}
	for _, s := range []*gateSide{base, head} {
		if err := t.kernels(s.cat, []string{s.kernel}); err != nil {
			return err
		}
		t.begun = true
	}
	n, err := o.Count()
	if err != nil {
		return err
	}
	most := ""
	if o.Sequential {
		most = "at most "
	}
	then := ", if none is void; none if the kernels are equal"
	if o.Second > 0 {
		then += fmt.Sprintf("; %d courses of each where %d leave it open", o.Second, o.Ensemble.Courses)
	}
	return t.trials(fmt.Sprintf("%s%d of each of base and head, in %d courses", most, n, o.Ensemble.Courses), 2*n, then, &f.target)
}
