// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"lastpage/harness"
	"lastpage/harness/report/results"
)

// reports are the flags of a command that also writes what kernel CI reads.
type reports struct{ format, file string }

func (r *reports) flags(fl *pflag.FlagSet) {
	fl.StringVar(&r.format, "format", "", "also write a report as "+strings.Join(results.Formats(), ", ")+" (with --report)")
	fl.StringVar(&r.file, "report", "", "file of that report")
}

func (r *reports) check() error {
	if (r.format == "") != (r.file == "") {
		return fmt.Errorf("--format and --report: want both or none of them")
	}
	if r.format == "" {
		return nil
	}
	return results.CheckFormat(r.format)
}

func (r *reports) write(s *results.Suite) error {
	if r.format == "" {
		return nil
	}
	var b bytes.Buffer
	if err := results.Write(&b, r.format, s); err != nil {
		return fmt.Errorf("--report %s: %w", r.file, err)
	}
	if err := harness.WriteFile(r.file, b.Bytes()); err != nil {
		return fmt.Errorf("--report: %w", err)
	}
	return nil
}
