// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"lastpage/kernels"
	"lastpage/kernels/store"
)

func newKernels() *cobra.Command {
	c := &cobra.Command{
		Use:   "kernels",
		Short: "the kernels and strategies of the catalogue",
		Long: `A catalogue (YAML) names kernels and where they come from, and strategies: a kernel and a command
line whose way of flushing is judged. The built-in catalogue is always there; --catalogue FILE adds to it.

Kernels are unpacked or built into the cache and never installed. What was used is recorded exactly.`,
	}
	var files []string
	c.PersistentFlags().StringSliceVar(&files, "catalogue", nil, "catalogue file that adds to the built-in one (also "+kernels.CatalogueEnv+")")
	c.AddCommand(kernelsList(&files), kernelsFetch(&files), kernelsBuild(&files), kernelsPath(&files))
	return group(c)
}

func kernelsList(files *[]string) *cobra.Command {
	c := &cobra.Command{Use: "list", Short: "kernels and strategies", Args: nothing}
	asJSON := jsonFlag(c)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		cat, err := kernels.LoadCatalogue(*files...)
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(cmd.OutOrStdout(), catalogueDocument{catalogueSchema, cat})
		}
		t := table(cmd.OutOrStdout(), "KERNEL\tCONSOLE\tDESCRIPTION")
		for _, k := range cat.Kernels {
			fmt.Fprintf(t, "%s\t%s\t%s\n", k.Name, k.Console, k.Description)
		}
		fmt.Fprintln(t, "\t\t\nSTRATEGY\tKERNEL\tSTANDS FOR")
		for _, s := range cat.Strategies {
			fmt.Fprintf(t, "%s\t%s\t%s\n", s.Name, s.Kernel, s.StandsFor)
		}
		return t.Flush()
	}
	return c
}

func kernelsFetch(files *[]string) *cobra.Command {
	c := &cobra.Command{
		Use:   "fetch KERNEL...",
		Short: "fetch or build kernels into the cache",
		Long:  "Brings kernels into the cache, with the probe module built for each. What is there already is not fetched again.",
		Args:  cobra.MinimumNArgs(1),
	}
	refresh := c.Flags().Bool("refresh", false, "look for newer packages even if some are in the cache")
	quietFlag(c)
	asJSON := jsonFlag(c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		cat, err := kernels.LoadCatalogue(*files...)
		if err != nil {
			return err
		}
		for _, name := range args {
			k, err := cat.Kernel(name)
			if err != nil {
				return err
			}
			if !k.Source.Newer() {
				if err := idle(cmd, "on "+name+", which is looked at every time", "refresh"); err != nil {
					return err
				}
			}
		}
		p := newProgress(cmd)
		defer p.end()
		var all []*kernels.Image
		for _, name := range args {
			img, err := cat.Prepare(cmd.Context(), name, kernels.Options{Refresh: *refresh, Progress: p})
			if err != nil {
				return err
			}
			all = append(all, img)
		}
		p.end()
		if *asJSON {
			return printJSON(cmd.OutOrStdout(), imagesDocument{imagesSchema, all})
		}
		for _, img := range all {
			fmt.Fprintf(cmd.OutOrStdout(), "%s: Linux %s\n", img.Name, img.Release)
			for _, pkg := range img.Packages {
				fmt.Fprintf(cmd.OutOrStdout(), "  %s %s\n", pkg.Package, pkg.Version)
			}
		}
		return nil
	}
	return c
}

func kernelsBuild(files *[]string) *cobra.Command {
	var tree kernels.Tree
	c := &cobra.Command{
		Use:   "build [KERNEL]",
		Short: "compile a kernel with the flush strategies",
		Long: `Compiles a kernel of the catalogue (default ` + kernels.Strategic + `) with its patches, and the probe module for it. The result is
named by a digest of source, patches, configuration and compiler, so that nothing is built twice; other patches on the same
tree compile only what they touch. The log is kept, a failed one too.

--tree, --patch and --config are also flags of run, sweep and matrix: those build in the same way what they need.`,
		Example: `  lastpage kernels build
  lastpage kernels build --tree ~/src/linux --patch 0001-mine.patch
  lastpage kernels build --tree https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git#v7.4-rc1
  lastpage sweep --strategy inline --tree ~/src/linux --patch 0001-mine.patch`,
		Args: cobra.MaximumNArgs(1),
	}
	treeFlags(c.Flags(), &tree)
	dryFlag(c)
	refresh := c.Flags().Bool("refresh", false, "look for a newer source package, or where a git ref points to now")
	quietFlag(c)
	asJSON := jsonFlag(c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		cat, err := kernels.LoadCatalogue(*files...)
		if err != nil {
			return err
		}
		name := kernels.Strategic
		if len(args) == 1 {
			name = args[0]
		}
		if err := cat.Use(name, tree); err != nil {
			return err
		}
		if k, err := cat.Kernel(name); err == nil && !k.Source.Newer() {
			if err := idle(cmd, "on a source that is looked at every time", "refresh"); err != nil {
				return err
			}
		}
		if dry, err := dry(cmd); err != nil {
			return err
		} else if dry {
			return tale{w: cmd.OutOrStdout(), in: cmd}.kernels(cat, []string{name})
		}
		p := newProgress(cmd)
		defer p.end()
		img, err := cat.Prepare(cmd.Context(), name, kernels.Options{Refresh: *refresh, Progress: p})
		if err != nil {
			return err
		}
		p.end()
		if *asJSON {
			return printJSON(cmd.OutOrStdout(), imagesDocument{imagesSchema, []*kernels.Image{img}})
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s: Linux %s\n", img.Name, img.Release)
		for _, path := range []string{img.Vmlinuz, img.SystemMap, img.Config, img.Probe} {
			fmt.Fprintln(cmd.OutOrStdout(), "  "+path)
		}
		return nil
	}
	return c
}

func kernelsPath(files *[]string) *cobra.Command {
	c := &cobra.Command{
		Use:   "path [KERNEL]",
		Short: "where a kernel's files lie; without a name, where the cache is",
		Args:  cobra.MaximumNArgs(1),
	}
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			if err := idle(cmd, "without a kernel", "catalogue"); err != nil {
				return err
			}
			root, err := store.Root()
			if err == nil {
				fmt.Fprintln(cmd.OutOrStdout(), root)
			}
			return err
		}
		cat, err := kernels.LoadCatalogue(*files...)
		if err != nil {
			return err
		}
		img, err := cat.Cached(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		for _, path := range append([]string{img.Vmlinuz, img.Config, img.Probe, img.Init}, img.Modules...) {
			fmt.Fprintln(cmd.OutOrStdout(), path)
		}
		return nil
	}
	return c
}
