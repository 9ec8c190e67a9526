// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"lastpage/harness"
	"lastpage/kernels"
)

// idle refuses those of the flags that were given, because they would have no effect; why says when that is, and what to do.
func idle(cmd *cobra.Command, why string, flags ...string) error {
	if given := given(cmd, flags...); len(given) > 0 {
		have := "has"
		if len(given) > 1 {
			have = "have"
		}
		return fmt.Errorf("%s %s no effect %s", strings.Join(given, ", "), have, why)
	}
	return nil
}

// given are those of the flags that the user wrote, as he writes them.
func given(cmd *cobra.Command, flags ...string) (all []string) {
	for _, name := range flags {
		if cmd.Flags().Changed(name) {
			all = append(all, "--"+name)
		}
	}
	return all
}

// treeNames are the flags of treeFlags.
var treeNames = []string{"tree", "patch", "config"}

// known refuses strategies that are not in the catalogue or named twice, and a tree, patches or a configuration that none of them is built from.
func (t *target) known(cmd *cobra.Command, cat *kernels.Catalogue, names []string) error {
	seen, built := map[string]bool{}, false
	for _, n := range names {
		base, words, more := strings.Cut(n, "+")
		st, err := cat.Strategy(base)
		if err != nil {
			return err
		}
		if seen[n] {
			return fmt.Errorf("strategy %s: named twice", n)
		}
		if more && (words == "" || strings.HasSuffix(words, "+") || strings.Contains(words, "++")) {
			return fmt.Errorf("strategy %q: nothing stands between or after its '+'", n)
		}
		seen[n] = true
		built = built || st.Kernel == kernels.Strategic || st.Kernel == kernels.Plain
	}
	if built || !t.tree.Set() {
		return nil
	}
	return idle(cmd, fmt.Sprintf("on %s: none of them is built from %s\n  those that are: --strategy %s", strings.Join(names, ", "), kernels.Strategic,
		strings.Join(builtFrom(cat, kernels.Strategic), ",")), treeNames...)
}

// builtFrom are the strategies of a kernel.
func builtFrom(cat *kernels.Catalogue, kernel string) (names []string) {
	for _, s := range cat.Strategies {
		if s.Kernel == kernel {
			names = append(names, s.Name)
		}
	}
	return names
}

// check refuses what of the target's flags can be seen to be wrong by itself.
func (t *target) check(cmd *cobra.Command) error {
	if t.backlog == 0 {
		return idle(cmd, "with --backlog 0, which has no records", "record-len")
	}
	return nil
}

// moments reads --inject and refuses it, and --phase, where the scenario has no use for them. A scenario that brings moments of its own is
// interrupted at those, unless the user names others.
func (f *runFlags) moments(cmd *cobra.Command, sc *harness.Scenario) (all []harness.Inject, err error) {
	if !sc.Interrupted {
		why := fmt.Sprintf("on scenario %s, which nothing interrupts\n  those that are interrupted: %s", sc.Name, strings.Join(interrupted(), ", "))
		if err := idle(cmd, why, "inject", "phase"); err != nil {
			return nil, err
		}
	}
	texts := f.injects
	if len(sc.Injects) > 0 && !cmd.Flags().Changed("inject") {
		texts = sc.Injects
	}
	for _, s := range texts {
		in, err := harness.ParseInject(s)
		if err != nil {
			return nil, err
		}
		all = append(all, in)
	}
	switch {
	case !sc.Interrupted:
	case !cmd.Flags().Changed("trials"):
		f.trials = max(f.trials, len(all))
	case cmd.Flags().Changed("inject") && f.trials < len(all):
		return nil, fmt.Errorf("--trials %d with %d times --inject: the last moments would never come; take --trials %d or more", f.trials, len(all), len(all))
	}
	return all, nil
}

func interrupted() (names []string) {
	for _, s := range harness.Scenarios() {
		if s.Interrupted {
			names = append(names, s.Name)
		}
	}
	return names
}
