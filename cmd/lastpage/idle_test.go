// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"testing"

	"github.com/spf13/cobra"

	"lastpage/harness"
	"lastpage/kernels"
)

// parsed are the flags of run as a command line sets them.
func parsed(t *testing.T, args ...string) (*runFlags, *cobra.Command) {
	t.Helper()
	f := new(runFlags)
	c := &cobra.Command{Use: "run"}
	f.add(c.Flags())
	if err := c.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	return f, c
}

// Whoever gives a tree and names no strategy gets those that are built from it.
func TestTreeChoosesStrategies(t *testing.T) {
	t.Setenv(kernels.CatalogueEnv, "")
	for _, c := range []struct{ args, want []string }{
		{nil, []string{"legacy", "nbcon-rt"}},
		{[]string{"--patch", "x"}, []string{"inline", "deferred"}},
		{[]string{"--tree", "x"}, []string{"inline", "deferred"}},
		{[]string{"--config", "x", "--strategy", "legacy,explicit"}, []string{"legacy", "explicit"}},
		{[]string{"--tree", "x", "--kernel", kernels.Strategic}, []string{kernels.Strategic}},
	} {
		cat, err := kernels.LoadCatalogue()
		if err != nil {
			t.Fatal(err)
		}
		f, cmd := parsed(t, c.args...)
		if got, err := f.names(cmd, cat); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%v: %v, %v, want %v", c.args, got, err, c.want)
		}
	}
}

// Whoever gives an image and names no strategy gets the image alone.
func TestImageIsTried(t *testing.T) {
	for _, c := range []struct{ args, images, want []string }{
		{nil, nil, []string{"otherwise"}},
		{nil, []string{"image"}, []string{"image"}},
		{[]string{"--strategy", "legacy"}, []string{"base", "head"}, []string{"legacy", "base", "head"}},
		{[]string{"--strategy", "legacy"}, nil, []string{"legacy"}},
	} {
		f, cmd := parsed(t, c.args...)
		f.image.names = c.images
		if got := f.image.tried(cmd, f.strategies, []string{"otherwise"}); !slices.Equal(got, c.want) {
			t.Errorf("%v, images %v: %v, want %v", c.args, c.images, got, c.want)
		}
	}
	for _, c := range []struct{ text, name, file string }{{"a/b", "image", "a/b"}, {"mine=a=b", "mine", "a=b"}, {"./x=y", "image", "./x=y"}} {
		if name, file := named(c.text); name != c.name || file != c.file {
			t.Errorf("%s: %s, %s", c.text, name, file)
		}
	}
}

// A scenario that brings its own moments is tried at those, all of them, unless the user names others.
func TestMomentsOfAScenario(t *testing.T) {
	for _, c := range []struct {
		scenario string
		args     []string
		first    string
		n        int
	}{
		{"warn-nmi-panic", nil, "share:50%", 1},
		{"takeover:nmi", nil, "byte:20000", 7},
		{"takeover:nmi", []string{"--trials", "2"}, "byte:20000", 2},
		{"takeover:nmi", []string{"--inject", "byte:7"}, "byte:7", 1},
		{"warn", nil, "", 1},
	} {
		sc, err := harness.FindScenario(c.scenario)
		if err != nil {
			t.Fatal(err)
		}
		f, cmd := parsed(t, c.args...)
		got, err := f.moments(cmd, &sc)
		if err != nil || f.trials != c.n || c.first != "" && got[0].String() != c.first {
			t.Errorf("%s %v: %v, %d trials, %v", c.scenario, c.args, got, f.trials, err)
		}
	}
}
