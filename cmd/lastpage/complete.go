// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"

	"github.com/spf13/cobra"

	"lastpage/harness"
	"lastpage/harness/compare"
	"lastpage/harness/gate"
	"lastpage/harness/report/results"
	"lastpage/kernels"
	"lastpage/lab"
	"lastpage/lab/wiretest"
)

// values are what a flag or an argument may be, each with what it means. They are asked for by a shell, so whatever cannot be read is none.
type values func(cmd *cobra.Command) []cobra.Completion

// flagValues are the values of flags, by the flags' names.
var flagValues = map[string]values{
	"strategy": strategyNames, "kernel": kernelNames, "scenario": scenarioNames, "board": boardNames,
	"by": fixed(compare.SweepBy...), "require": fixed(gate.Letters...), "wire": fixed("exact", "concurrent"), "only": partNames,
	"inject": injectForms, "courses-by": courseWays,
	"base": strategyNames, "head": strategyNames, "exit": fixed("plain", "b4", "nipa", "bisect"), "format": fixed(results.Formats()...),
}

// argumentValues are the values of arguments, by the paths of commands.
var argumentValues = map[string]values{"lastpage kernels fetch": kernelNames, "lastpage kernels build": kernelNames, "lastpage kernels path": kernelNames}

// complete gives the flags and arguments of c, and of all commands below it, their values.
func complete(c *cobra.Command) {
	for name, v := range flagValues {
		if f := c.Flags().Lookup(name); f != nil {
			// The error says that a flag is not there or has values already: it is there, and nobody else gives them.
			_ = c.RegisterFlagCompletionFunc(name, v.complete)
		}
	}
	for _, name := range []string{"tree", "out", "resume", "modules"} {
		if c.Flags().Lookup(name) != nil {
			_ = c.MarkFlagDirname(name)
		}
	}
	for name, ext := range map[string]string{"catalogue": "yaml", "inventory": "yaml", "patch": "patch", "policy": "yaml", "headers": "deb"} {
		if c.Flags().Lookup(name) != nil {
			_ = c.MarkFlagFilename(name, ext, "yml", "diff")
		}
	}
	if v, ok := argumentValues[c.CommandPath()]; ok {
		c.ValidArgsFunction = v.complete
	}
	for _, sub := range c.Commands() {
		complete(sub)
	}
}

// complete implements cobra.CompletionFunc. Of a list with commas only the last word is completed.
func (v values) complete(cmd *cobra.Command, _ []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	before, word := "", begun
	if i := strings.LastIndexByte(begun, ','); i >= 0 {
		before, word = begun[:i+1], begun[i+1:]
	}
	directive := cobra.ShellCompDirectiveNoFileComp
	var out []cobra.Completion
	for _, c := range v(cmd) {
		if strings.HasPrefix(c, word) {
			out = append(out, before+c)
		}
		if name, _, _ := strings.Cut(c, "\t"); strings.HasSuffix(name, ":") {
			directive |= cobra.ShellCompDirectiveNoSpace
		}
	}
	return out, directive
}

func fixed(names ...string) values {
	return func(*cobra.Command) (all []cobra.Completion) { return append(all, names...) }
}

func courseWays(*cobra.Command) (all []cobra.Completion) {
	for _, how := range harness.Hows {
		all = append(all, string(how))
	}
	return all
}

func catalogue(cmd *cobra.Command) *kernels.Catalogue {
	files, _ := cmd.Flags().GetStringSlice("catalogue")
	cat, err := kernels.LoadCatalogue(files...)
	if err != nil {
		return new(kernels.Catalogue)
	}
	return cat
}

func strategyNames(cmd *cobra.Command) (all []cobra.Completion) {
	for _, s := range catalogue(cmd).Strategies {
		all = append(all, cobra.CompletionWithDesc(s.Name, s.StandsFor))
	}
	return all
}

func kernelNames(cmd *cobra.Command) (all []cobra.Completion) {
	for _, k := range catalogue(cmd).Kernels {
		all = append(all, cobra.CompletionWithDesc(k.Name, k.Description))
	}
	return all
}

func scenarioNames(*cobra.Command) (all []cobra.Completion) {
	for _, s := range harness.Scenarios() {
		all = append(all, cobra.CompletionWithDesc(s.Name, s.About))
	}
	return all
}

func boardNames(cmd *cobra.Command) (all []cobra.Completion) {
	file, _ := cmd.Flags().GetString("inventory")
	inv, err := lab.LoadInventory(file)
	if err != nil {
		return nil
	}
	for _, b := range inv.Boards {
		all = append(all, cobra.CompletionWithDesc(b.Name, b.About))
	}
	return all
}

func partNames(*cobra.Command) (all []cobra.Completion) {
	for _, p := range wiretest.Parts() {
		all = append(all, cobra.CompletionWithDesc(p[0], p[1]))
	}
	return all
}

// injectForms are the kinds of moments; what stands after the colon is the user's.
func injectForms(*cobra.Command) (all []cobra.Completion) {
	for line := range strings.Lines(harness.Injects) {
		kind, rest, _ := strings.Cut(line, ":")
		_, about, _ := strings.Cut(rest, " ")
		all = append(all, cobra.CompletionWithDesc(kind+":", strings.TrimSpace(about)))
	}
	return all
}
