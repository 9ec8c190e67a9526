// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"

	"github.com/spf13/pflag"

	"lastpage/harness"
	"lastpage/harness/compare"
	"lastpage/lab"
)

// courses are the flags of an ensemble.
type courses struct {
	n    int
	seed uint64
	by   string
}

const coursesHelp = `Courses: an exact trial repeats itself, so that many trials of one boot are one draw. A course is one draw of what differs from boot to
boot; it is the unit of every count and interval. boot: each course is booted, with entropy, a clock and a start of its own. branch: all
courses begin at one snapshot of the armed guest, and are disturbed from there; that is faster, and one draw of a boot. own: on a board
that never repeats itself each trial is a course. --courses 0 takes the board as it is: one course, always the same.`

func (c *courses) flags(fl *pflag.FlagSet, n int) {
	fl.IntVar(&c.n, "courses", n, "courses of each strategy (0: the board's own, one)")
	fl.Uint64Var(&c.seed, "course-seed", 1, "seed from which the courses are drawn; equal seeds give equal courses")
	fl.StringVar(&c.by, "courses-by", "", "how courses differ: boot, branch or own (default: boot, or own on a board that never repeats itself)")
}

// ensemble checks the flags; the default way is the board's.
func (c *courses) ensemble(fl *pflag.FlagSet, b *lab.Board) (compare.Ensemble, error) {
	e := compare.Ensemble{Courses: c.n, Seed: c.seed, How: harness.How(c.by)}
	if c.n < 0 || c.n > 100_000 {
		return e, fmt.Errorf("--courses %d: want 0 to 100000", c.n)
	}
	if c.n == 0 {
		for _, name := range []string{"course-seed", "courses-by"} {
			if fl.Changed(name) {
				return e, fmt.Errorf("--%s: has no effect with --courses 0, which takes the board as it is", name)
			}
		}
		return compare.Ensemble{}, nil
	}
	if e.How == "" {
		e.How = b.Entry.Courses()
	}
	if !slices.Contains(harness.Hows, e.How) {
		return e, fmt.Errorf("--courses-by %s: want one of %v", e.How, harness.Hows)
	}
	if e.How == harness.OwnWay {
		if fl.Changed("course-seed") {
			return e, fmt.Errorf("--course-seed: has no effect on board %s, which draws its courses by itself", b.Name)
		}
		e.Seed = 0
	}
	return e, nil
}
