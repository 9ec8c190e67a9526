// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"lastpage/dut"
	"lastpage/harness"
	"lastpage/harness/compare"
	"lastpage/harness/gate"
	"lastpage/kernels"
	"lastpage/kernels/build"
	"lastpage/lab"
	"lastpage/lab/kind"
)

// walk tries the commits of a bisection, one after the other.
type walk struct {
	f         *bisectFlags
	board     *lab.Board
	o         *compare.GateOrder
	b         *compare.Bisect
	git       *bisection
	repo, dir string

	tried   map[string]*compare.Tried // by commit
	kernels map[string]string         // digest of a kernel that was tried -> its commit
	of      int                       // commits that are tried, about
}

// all bisects. What was finished in the folder is taken as it is.
func (w *walk) all(cmd *cobra.Command) error {
	ctx, b := cmd.Context(), w.b
	p := newProgress(cmd)
	defer p.end()
	w.tried, w.kernels = map[string]*compare.Tried{}, map[string]string{}
	var err error
	if b.Range, err = w.git.between(ctx); err != nil {
		return err
	}
	if err := b.Begin(w.o); err != nil {
		return err
	}
	_, steps, _, _, err := w.git.next(ctx)
	if err != nil {
		return err
	}
	for _, end := range []struct {
		commit string
		want   compare.Mark
		why    string
	}{
		{b.Good, compare.Good, "the good commit is not good"},
		{b.Bad, compare.Bad, "the bad commit is not bad"},
	} {
		w.of = len(b.Steps) + steps + 2
		s, err := w.try(ctx, p, end.commit)
		if err != nil {
			return err
		}
		if s.Mark != end.want {
			return b.End(fmt.Sprintf("%s, but %s: %s", end.why, s.Mark, s.Why), nil, nil)
		}
	}
	for {
		commit, steps, first, among, err := w.git.next(ctx)
		switch {
		case err != nil:
			return err
		case first != "":
			return w.found(ctx, first)
		case among != nil:
			return b.End(fmt.Sprintf("the first bad commit is one of %d, and those between could not be judged", len(among)), nil, among)
		}
		w.of = len(b.Steps) + max(1, steps)
		s, err := w.try(ctx, p, commit)
		if err != nil {
			return err
		}
		if err := w.git.mark(ctx, s.Mark, commit); err != nil {
			return err
		}
	}
}

// found compares the first bad commit with the good one before it.
func (w *walk) found(ctx context.Context, first string) error {
	before, err := w.git.lastGood(ctx, first, w.b)
	if err != nil {
		return err
	}
	for _, base := range []string{before, w.b.Good} {
		g, err := w.tried[first].Against(ctx, w.tried[base])
		if err != nil {
			return err
		}
		if g.Decision.Verdict == gate.Fail {
			return w.b.End(g.Decision.Why, &compare.FirstBad{Commit: first, Before: base, Why: g.Decision.Why, Flips: g.Flips}, nil)
		}
	}
	return fmt.Errorf("bisect: commit %s was bad and is not any more", first)
}

// try makes a commit's kernel, tries it, and judges it against the good one. What is wrong with the commit is its mark, not an error.
func (w *walk) try(ctx context.Context, p *progress, commit string) (*compare.BisectStep, error) {
	s := &compare.BisectStep{Commit: commit, Mark: compare.Skip}
	var err error
	if s.Subject, err = w.git.subject(ctx, commit); err != nil {
		return nil, err
	}
	p.step("%s: %s", w.place(commit), s.Subject)
	begun := time.Now()
	side, v, err := w.make(ctx, p, commit)
	s.Make, s.Image = time.Since(begun), v.Image
	var broken *build.Error
	var unfit *build.ApplyError
	var lacks *build.ConfigError
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.As(err, &broken):
		s.Why = "it does not build: " + complaint(broken.Text) + " (log: " + broken.Log + ")"
	case errors.As(err, &unfit):
		s.Why = "its difference to the good commit does not apply: " + firstLine(unfit.Text)
	case errors.As(err, &lacks):
		s.Why = firstLine(lacks.Error())
	case err != nil:
		return nil, err
	}
	if s.Why != "" {
		return s, w.b.Add(s, nil)
	}
	t := w.tried[w.kernels[v.Image]]
	if t != nil {
		s.Same = w.kernels[v.Image]
	} else {
		begun = time.Now()
		t, err = w.courses(ctx, p, side, commit)
		s.Try = time.Since(begun)
		var boot *dut.BootError
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.As(err, &boot):
			s.Why = "it does not come to its trial: " + firstLine(boot.Why)
			return s, w.b.Add(s, nil)
		case err != nil:
			return nil, err
		}
		w.kernels[v.Image] = commit
	}
	w.tried[commit] = t
	g, err := t.Against(ctx, w.tried[w.b.Good])
	if err != nil {
		return nil, err
	}
	switch s.Why = g.Decision.Why; outcomeOf(g) {
	case passed:
		s.Mark = compare.Good
	case failed:
		s.Mark = compare.Bad
	}
	if s.Same != "" {
		t = nil
	}
	return s, w.b.Add(s, t)
}

// make builds a commit as what lies between it and the good one, on the good one's tree: only that is compiled.
func (w *walk) make(ctx context.Context, p *progress, commit string) (*gateSide, compare.Variant, error) {
	s := &gateSide{name: kernels.Plain, kernel: kernels.Plain}
	patch, err := rangePatch(ctx, w.git.dir, w.git.good, commit, filepath.Join(w.folder(commit), "patch"))
	if err != nil {
		return nil, compare.Variant{}, err
	}
	if s.cat, err = kernels.LoadCatalogue(); err != nil {
		return nil, compare.Variant{}, err
	}
	tree := kernels.Tree{Source: "file://" + w.repo + "#" + w.git.good, Patches: patch, Config: w.f.tree.Config}
	if err := s.cat.UsePlain(tree, w.f.image.more); err != nil {
		return nil, compare.Variant{}, err
	}
	v, err := s.make(ctx, p)
	return s, v, err
}

// courses tries a commit's kernel.
func (w *walk) courses(ctx context.Context, p *progress, s *gateSide, commit string) (*compare.Tried, error) {
	o := *w.o
	o.Out = &compare.Folder{Dir: w.folder(commit)}
	noProbe := !slices.ContainsFunc(o.Scenarios, func(sc harness.Scenario) bool { return !sc.NoProbe })
	all, free, err := w.f.subjects(ctx, w.board, s.cat, []string{s.name}, lab.Options{Accept: kind.AcceptOne, NoProbe: noProbe}, p)
	defer free()
	if err != nil {
		return nil, err
	}
	return o.Try(ctx, all[0], func(_, what string, done, of int) {
		p.step("%s: [%d/%d] %s", w.place(commit), min(done+1, of), of, what)
	})
}

func (w *walk) folder(commit string) string { return filepath.Join(w.dir, "commit-"+commit[:12]) }

// worth is how long a step takes that was not made before.
const worth = 10 * time.Second

// place says how far the bisection is, and when it will be over, if that can be told.
func (w *walk) place(commit string) string {
	n, took := 0, time.Duration(0)
	for i, s := range w.b.Steps { // the first one compiles everything
		if d := s.Make + s.Try; i > 0 && d > worth {
			n, took = n+1, took+d
		}
	}
	left := ""
	if n > 0 {
		left = fmt.Sprintf(", about %s left", clock(took/time.Duration(n)*time.Duration(w.of-len(w.b.Steps))))
	}
	return fmt.Sprintf("commit %d of about %d%s: %s", len(w.b.Steps)+1, w.of, left, commit[:12])
}

// tell says what the bisection would do.
func (w *walk) tell(cmd *cobra.Command) error {
	n, err := w.o.Count()
	if err != nil {
		return err
	}
	of, err := w.git.between(cmd.Context())
	if err != nil {
		return err
	}
	_, steps, _, _, err := w.git.next(cmd.Context())
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "nothing is built or booted; this would be:\n  %d commits after %s, up to %s: about %d of them, and the good one, are built\n", of, w.b.Good[:12], w.b.Bad[:12], steps+1)
	_, err = fmt.Fprintf(out, "  trials             %d of each, in %d courses, if none is void; none of a kernel that is equal to another\n", n, w.o.Ensemble.Courses)
	return err
}

// fileDigest is the SHA-256 of a file, "" for none.
func fileDigest(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("--config: %w", err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}
