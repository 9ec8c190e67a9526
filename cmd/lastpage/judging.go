// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"lastpage/harness"
	"lastpage/harness/compare"
	"lastpage/harness/gate"
	"lastpage/lab"
)

// judging is what a command that judges kernels by a policy is told about that, and where it goes on.
type judging struct {
	courses     courses
	scenarios   []string
	policy      string
	retries     int
	wire        string
	out, resume string
}

// flags adds them; what is the word for what lies in the folder, and name the beginning of the folder's own.
func (f *judging) flags(fl *pflag.FlagSet, what, name string) {
	fl.StringArrayVar(&f.scenarios, "scenario", nil, "what is provoked: a scenario's name, or FILE.yaml; may be repeated (default: the policy's)")
	fl.StringVar(&f.policy, "policy", gate.DefaultPolicy, "policy: "+strings.Join(gate.Policies(), ", ")+", or a YAML file")
	f.courses.flags(fl, 0)
	fl.Lookup("courses").Usage = "courses of each kernel (default: the policy's courses, or its cap on a board that never repeats itself)"
	fl.Lookup("courses").DefValue = "0" // shown by no help
	fl.IntVar(&f.retries, "retries", 2, "void trials allowed for each valid one")
	fl.StringVar(&f.wire, "wire", "", "override the board's wire: exact or concurrent")
	fl.StringVar(&f.out, "out", "", "folder of the "+what+"; one that was interrupted goes on there (default runs/"+name+"-DATE-TIME)")
	fl.StringVar(&f.resume, "resume", "", "folder of a "+what+" that was interrupted; the same as --out, but it must be there")
}

// resumes takes --resume for --out; file is what must be in that folder.
func (f *judging) resumes(file, what string) error {
	if f.out != "" && f.resume != "" {
		return fmt.Errorf("--out and --resume: want one of them")
	}
	if f.resume != "" {
		if !harness.Exists(filepath.Join(f.resume, file)) {
			return fmt.Errorf("--resume %s: there is no %s in it (no %s)", f.resume, what, file)
		}
		f.out = f.resume
	}
	return nil
}

// order checks everything that can be checked before anything is fetched or booted.
func (f *judging) order(cmd *cobra.Command, b *lab.Board, shape *harness.Shape) (compare.GateOrder, error) {
	o := compare.GateOrder{Shape: shape, PhaseUS: 5207, Retries: f.retries, Workers: 1}
	var err error
	if o.Policy, err = gate.LoadPolicy(f.policy); err != nil {
		return o, err
	}
	if len(f.scenarios) > 0 {
		o.Policy.Scenarios = f.scenarios
	}
	if f.retries < 0 {
		return o, fmt.Errorf("--retries %d: want 0 or more", f.retries)
	}
	seen := map[string]bool{}
	for i, name := range o.Policy.Scenarios {
		sc, err := findScenario(cmd.Context(), name)
		if err != nil {
			return o, err
		}
		if seen[sc.Name] {
			return o, fmt.Errorf("scenario %s: named twice", sc.Name)
		}
		if sc.NoProbe {
			if err := idle(cmd, "on scenario "+sc.Name+", which is without the probe and so without a backlog", "backlog", "record-len"); err != nil {
				return o, err
			}
		}
		seen[sc.Name], o.Policy.Scenarios[i] = true, sc.Name
		o.Scenarios = append(o.Scenarios, sc)
	}
	o.Sequential = b.Entry.Courses() == harness.OwnWay
	if !cmd.Flags().Changed("courses") {
		if f.courses.n = o.Policy.Courses; o.Sequential {
			f.courses.n = o.Policy.Cap
		} else {
			o.Second = o.Policy.Second()
		}
	} else if f.courses.n < 1 {
		return o, fmt.Errorf("--courses %d: the unit of a verdict is the course: want 1 or more", f.courses.n)
	}
	if o.Ensemble, err = f.courses.ensemble(cmd.Flags(), b); err != nil {
		return o, err
	}
	if !o.Sequential {
		o.Workers = 2
	}
	_, err = o.Count()
	return o, err
}
