// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"lastpage/harness"
)

// versionSchema names the form of `version --json`.
const versionSchema = "lastpage.version/1"

// version is what a binary knows of how it was made.
type version struct {
	Schema  string `json:"schema"`
	Version string `json:"version"` // as trials name it (made_by)
	// Revision is the commit, Dirty says whether there were changes that are in none; null: nobody told the compiler.
	Revision *string `json:"revision"`
	Dirty    *bool   `json:"dirty"`
	Time     *string `json:"time"` // of the commit, RFC 3339
	Go       string  `json:"go"`
	Platform string  `json:"platform"`
}

func thisVersion() version {
	v := version{Schema: versionSchema, Version: harness.Version(), Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Revision = &s.Value
		case "vcs.modified":
			dirty := s.Value == "true"
			v.Dirty = &dirty
		case "vcs.time":
			v.Time = &s.Value
		}
	}
	return v
}

func (v version) String() string {
	return fmt.Sprintf("%s (%s %s)", v.Version, v.Go, v.Platform)
}

func newVersion() *cobra.Command {
	c := &cobra.Command{
		Use:   "version",
		Short: "which lastpage this is",
		Long:  "Prints the commit that this program was built from, +dirty where there were changes that are in none. Every trial.json names it.",
		Args:  nothing,
	}
	asJSON := jsonFlag(c)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		v := thisVersion()
		if *asJSON {
			return printJSON(cmd.OutOrStdout(), v)
		}
		_, err := fmt.Fprintln(cmd.OutOrStdout(), "lastpage", v)
		return err
	}
	return c
}
