// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"lastpage/kernels"
)

// A shell is given what there is: of the catalogue and the inventory that the command line names, and of a list the word that was begun.
func TestCompletion(t *testing.T) {
	t.Setenv(kernels.CatalogueEnv, "")
	dir := badInput(t)
	if err := os.WriteFile(filepath.Join(dir, "boards.yaml"), []byte("boards:\n  - {name: bench-1, kind: qemu, about: mine}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string // a line
		not  string // no line begins so
	}{
		{[]string{"run", "--strategy", "in"}, "inline\t", "legacy"},
		{[]string{"run", "--strategy", "legacy,def"}, "legacy,deferred\t", "legacy,inline"},
		{[]string{"run", "--kernel", ""}, "debian-6.12-rt\t", "inline"},
		{[]string{"run", "--scenario", "warn"}, "warn-nmi-panic\t", "panic"},
		{[]string{"run", "--inject", "sh"}, "share:\t", "byte"},
		{[]string{"run", "--require", ""}, "B", "x"},
		{[]string{"run", "--wire", ""}, "concurrent", "free"},
		{[]string{"run", "--board", ""}, "qemu-smp1\t", "bench-1"},
		{[]string{"run", "--inventory", "boards.yaml", "--board", ""}, "bench-1\tmine", "qemu"},
		{[]string{"sweep", "--by", ""}, "record", "x"},
		{[]string{"matrix", "--scenario", "panic-dies-in:e"}, "panic-dies-in:end:hang\t", "warn"},
		{[]string{"wire", "test", "--only", "rate,n"}, "rate,nmi\t", "rate,loss"},
		{[]string{"kernels", "fetch", "linux"}, "linux-7\t", "debian"},
		{[]string{"wire", ""}, "bridge\t", "run"},
		{[]string{""}, "matrix\t", "strategies"},
	} {
		out, _ := (&call{args: append([]string{"__complete"}, c.args...)}).do(t, dir)
		lines := strings.Split(out, "\n")
		if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, c.want) }) {
			t.Errorf("%q: no line %q in\n%s", c.args, c.want, out)
		}
		if slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, c.not) }) {
			t.Errorf("%q: a line %q in\n%s", c.args, c.not, out)
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		if out, _ := (&call{args: []string{"completion", shell}}).do(t, dir); !strings.Contains(out, "__complete") {
			t.Errorf("%s: %.80s", shell, out)
		}
	}
}

// Every command that is listed has a page, which tells all its flags.
func TestManualPages(t *testing.T) {
	dir := t.TempDir()
	(&call{args: []string{"man", filepath.Join(dir, "man")}}).do(t, dir)
	pages := 0
	var look func(c *cobra.Command)
	look = func(c *cobra.Command) {
		path := filepath.Join(dir, "man", strings.ReplaceAll(c.CommandPath(), " ", "-")+".1")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
			return
		}
		pages++
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden && !strings.Contains(strings.ReplaceAll(string(text), `\-`, "-"), "--"+f.Name) {
				t.Errorf("%s does not tell --%s", path, f.Name)
			}
		})
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() && !sub.IsAdditionalHelpTopicCommand() {
				look(sub)
			}
		}
	}
	look(newRoot(io.Discard, io.Discard))
	files, err := os.ReadDir(filepath.Join(dir, "man"))
	if err != nil || len(files) != pages || pages < 20 {
		t.Errorf("%d pages of %d commands, %v", len(files), pages, err)
	}
}

// With --quiet a command that is refused says its error and nothing else.
func TestQuiet(t *testing.T) {
	dir := badInput(t)
	c := call{args: []string{"kernels", "fetch", "debian-6.12"}, exit: exitLabFailed, path: "/nonexistent"}
	if _, errs := c.do(t, dir); !strings.HasPrefix(errs, "lastpage: kernel") {
		t.Errorf("%s", errs)
	}
	for _, args := range [][]string{{"run"}, {"sweep"}, {"matrix"}, {"kernels", "build"}, {"kernels", "fetch"}, {"wire", "test"}, {"wire", "bridge"}, {"capture"}} {
		if c, _, err := newRoot(io.Discard, io.Discard).Find(args); err != nil || c.Flags().Lookup("quiet") == nil {
			t.Errorf("%v has no --quiet (%v)", args, err)
		}
	}
}
