// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"lastpage/harness/compare"
	"lastpage/kernels"
	"lastpage/kernels/build"
)

type gateFlags struct {
	target
	judging
	reports    reports
	base, head string
	between    string
	patches    []string
	exit       string
	json       bool
}

func newGate() *cobra.Command {
	var f gateFlags
	c := &cobra.Command{
		Use:   "gate",
		Short: "does this patch make a dying kernel say less? pass, fail or cannot tell",
		Long: `Makes two kernels, base and head, tries them in the same courses on the same board, in turns, and decides by a policy.
docs/gate.md explains what is compared, the test, its error rates, and how to read the verdict.

Base is a strategy or a kernel of the catalogue. Head is another (--head), or base with patches (--patch), or another commit of its tree
(--tree DIR --range A..B). A patch is a diff, an mbox, the output of git format-patch, a folder of *.patch, or - for standard input.

Kernels that are equal byte for byte are not tried: what is equal is no worse. Otherwise the number of courses is set beforehand, or, on a
board that never repeats itself, they come one after another until the policy can decide, at most its cap. Each course is a boot.
Nothing is tried again until it passes.

Exit status: 0 passed, 1 failed, 2 cannot tell, 3 the lab or the usage failed. --exit b4, nipa and bisect are for those callers.`,
		Example: `  lastpage gate --base inline --patch 0001-mine.patch
  lastpage gate --base inline --head deferred --policy complete
  lastpage gate --base deferred --patch series.mbox --scenario warn-nmi-panic --scenario panic --format junit --report gate.xml
  lastpage gate --tree ~/src/linux --range v7.3..mine --policy policy.yaml --exit bisect`,
		Args: nothing,
	}
	fl := c.Flags()
	f.target.flags(fl)
	fl.Lookup("patch").Usage = "patch of head on top of base: a file, an mbox, a folder of *.patch, - for standard input; may be repeated"
	fl.StringVar(&f.base, "base", "", "strategy or kernel of the catalogue (with --tree: inline)")
	fl.StringVar(&f.head, "head", "", "strategy or kernel of the catalogue that is judged")
	fl.StringVar(&f.between, "range", "", "A..B: base is commit A of --tree, head is commit B")
	f.judging.flags(fl, "gate", "gate")
	fl.StringVar(&f.exit, "exit", "plain", "meaning of the exit status: plain, b4, nipa or bisect")
	fl.BoolVar(&f.json, "json", false, "print gate.json (docs/json.md describes it)")
	f.reports.flags(fl)
	quietFlag(c)
	dryFlag(c)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := checkExit(f.exit); err != nil {
			return err
		}
		if f.exit == "b4" { // every line on standard error is a failure there
			if err := cmd.Flags().Set("quiet", "true"); err != nil {
				return err
			}
		}
		return f.status(cmd, f.run(cmd))
	}
	return c
}

// status gives an error the meaning that the caller of the gate wants.
func (f *gateFlags) status(cmd *cobra.Command, err error) error {
	var v *verdict
	if err == nil || errors.As(err, &v) || f.exit == "plain" {
		return err
	}
	var unfit *build.ApplyError
	o := labFailed
	if errors.As(err, &unfit) && f.exit == "bisect" {
		o = untestable
	}
	if f.exit == "b4" {
		fmt.Fprintf(cmd.OutOrStdout(), "WARNING: lastpage gate: nothing is known of this patch: %s\n", firstLine(err.Error()))
		return &verdict{exits[f.exit][o], nil}
	}
	return exitAs(f.exit, o, "%w", err)
}

// check refuses what contradicts itself.
func (f *gateFlags) check(cmd *cobra.Command) error {
	f.patches, f.tree.Patches = f.tree.Patches, nil
	ways := given(cmd, "patch", "head", "range")
	if len(ways) != 1 {
		return fmt.Errorf("want exactly one of --patch, --head and --range: what is judged")
	}
	if f.between != "" && f.tree.Source == "" {
		return fmt.Errorf("--range %s: want --tree DIR, the repository that it is a range of", f.between)
	}
	if f.base == "" {
		if f.tree.Source == "" {
			return fmt.Errorf("want --base, a strategy or a kernel of the catalogue that head is compared with")
		}
		f.base = "inline"
	}
	if err := f.resumes(compare.GateName, "gate"); err != nil {
		return err
	}
	return f.reports.check()
}

func (f *gateFlags) run(cmd *cobra.Command) error {
	if err := f.check(cmd); err != nil {
		return err
	}
	repo, a, b := f.tree.Source, "", ""
	if f.between != "" {
		var err error
		if a, b, err = commits(cmd.Context(), repo, f.between); err == nil {
			repo, err = filepath.Abs(repo)
		}
		if err != nil {
			return err
		}
		f.tree.Source = "file://" + repo + "#" + a
	}
	board, cat, err := f.openWith(cmd, f.wire)
	if err != nil {
		return err
	}
	o, err := f.order(cmd, board, f.shape())
	if err != nil {
		return err
	}
	base, err := f.side(f.base, cat)
	if err != nil {
		return err
	}
	for _, name := range f.image.names {
		if name != f.base && name != f.head {
			return fmt.Errorf("--image %s: it is neither --base nor --head, and would have no effect", name)
		}
	}
	if err := f.built(cmd, cat); err != nil {
		return err
	}
	if o.Out, err = folder(f.out, "gate-", compare.GateName); err != nil {
		return err
	}
	defer o.Out.Close()
	patches := filepath.Join(o.Out.Dir, "patches")
	var of series
	if f.between != "" {
		of, err = rangePatch(cmd.Context(), repo, a, b, patches)
	} else {
		of, err = patchFiles(f.patches, patches, cmd.InOrStdin())
	}
	if err != nil {
		return err
	}
	head, err := f.judged(cmd, of)
	if err != nil {
		return err
	}
	if dry, err := dry(cmd); err != nil {
		return err
	} else if dry {
		return errors.Join(f.tell(cmd, &o, base, head), os.RemoveAll(patches))
	}
	g, err := f.execute(cmd, board, o, base, head)
	if err != nil {
		return resumable(err, cmd, o.Out.Dir)
	}
	return f.end(cmd, g, o.Out.Dir)
}

// side finds one of the two kernels.
func (f *gateFlags) side(name string, cat *kernels.Catalogue) (*gateSide, error) {
	s := &gateSide{name: name, cat: cat}
	if _, err := cat.Kernel(name); err == nil {
		st, err := cat.Strategy(name)
		switch {
		case err == nil && st.Kernel == name: // an image of the user's is both
			s.kernel, s.cmdline = name, st.Cmdline
			return s, nil
		case err == nil:
			return nil, fmt.Errorf("%s: a kernel and a strategy have that name: give the kernel another one in the catalogue", name)
		}
		cat.Strategies = append(cat.Strategies, kernels.Strategy{Name: name, Kernel: name, StandsFor: "the kernel as it is"})
	}
	base, more, _ := strings.Cut(name, "+")
	st, err := cat.Strategy(base)
	if err != nil {
		return nil, err
	}
	s.kernel, s.cmdline = st.Kernel, st.Cmdline+" "+strings.ReplaceAll(more, "+", " ")
	return s, nil
}

// built refuses a tree or a configuration that neither kernel is made from.
func (f *gateFlags) built(cmd *cobra.Command, cat *kernels.Catalogue) error {
	var all []string
	for _, name := range []string{f.base, f.head} {
		base, _, _ := strings.Cut(name, "+")
		if _, err := cat.Strategy(base); err == nil && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return f.known(cmd, cat, all)
}

// judged is head: another kernel, or base's with patches.
func (f *gateFlags) judged(cmd *cobra.Command, patches series) (*gateSide, error) {
	f.image.names = nil // they are put into the other catalogue too
	_, cat, err := f.open(cmd)
	if err != nil {
		return nil, err
	}
	if f.head != "" {
		return f.side(f.head, cat)
	}
	s, err := f.side(f.base, cat)
	if err != nil {
		return nil, err
	}
	s.patches = patches
	return s, cat.Use(s.kernel, kernels.Tree{Patches: patches})
}
