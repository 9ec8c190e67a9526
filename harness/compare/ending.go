// SPDX-License-Identifier: Apache-2.0

package compare

import (
	"context"
	"fmt"
	"maps"
	"regexp"

	"lastpage/harness"
	"lastpage/harness/gate"
	"lastpage/harness/grade"
)

// reended finds the trials of head whose panic ends in other words than base's, and counts their panic as ended. Head has said by the probe
// that panic() came to its final loop; it has every record of base's panic but the last; and its own last record is none of base's. All else
// is a loss: the last record that is merely gone, or one more that is gone too.
func (o *GateOrder) reended(ctx context.Context, c *gate.Course, b, h *CourseRow) error {
	for at, g := range c.Head.Grades {
		base := c.Base.Grades[at]
		if g == nil || g.Sections[grade.Panic] == nil || !ended(base) || ended(g) || !g.CameToPanicEnd() {
			continue
		}
		dir := h.trialOf(at)
		is, known := o.other[dir]
		if !known {
			var err error
			if is, err = otherEnd(ctx, b.trialOf(at), dir); err != nil {
				return err
			}
			if o.other == nil {
				o.other = map[string]bool{}
			}
			o.other[dir] = is
		}
		if !is {
			continue
		}
		n, s := *g, *g.Sections[grade.Panic]
		s.Complete, s.Expected = true, s.Stored
		n.Sections = maps.Clone(g.Sections)
		n.Sections[grade.Panic] = &s
		c.Head.Grades[at] = &n
	}
	return nil
}

// ended says whether a trial counts and has the whole of its panic, as far as it is known.
func ended(g *grade.Grade) bool {
	return g != nil && len(g.Void) == 0 && g.Sections[grade.Panic] != nil && g.Sections[grade.Panic].Complete
}

// otherEnd compares two panics, of which base's has its end.
func otherEnd(ctx context.Context, base, head string) (bool, error) {
	want, err := panicOf(ctx, base)
	if err != nil || len(want) == 0 {
		return false, err
	}
	got, err := panicOf(ctx, head)
	if err != nil || len(got) == 0 {
		return false, err
	}
	lacks := onlyIn(BaseName, want, got)
	adds := onlyIn(HeadName, got, want)
	return len(lacks) == 1 && lacks[0].Text == want[len(want)-1].Text && len(adds) > 0 && adds[len(adds)-1].Text == got[len(got)-1].Text, nil
}

// panicOf are the stored records of a trial's panic, without what depends on where the CPU was when it was interrupted.
func panicOf(ctx context.Context, dir string) (all []grade.Place, err error) {
	if dir == "" {
		return nil, nil
	}
	recs, err := records(ctx, dir)
	for _, r := range recs {
		if r.Section == grade.Panic && r.Stored() && !state.MatchString(r.Text) {
			all = append(all, r)
		}
	}
	return all, err
}

// panicsOf are the records of several panics, each as often as the panic has it that has it most often.
func panicsOf(ctx context.Context, dirs []string) (all []grade.Place, err error) {
	most := map[string]int{}
	for _, dir := range dirs {
		recs, err := panicOf(ctx, dir)
		if err != nil {
			return nil, err
		}
		here := map[string]int{}
		for _, r := range recs {
			key := plain(r.Text)
			if here[key]++; here[key] > most[key] {
				most[key], all = here[key], append(all, r)
			}
		}
	}
	return all, nil
}

func records(ctx context.Context, dir string) ([]grade.Place, error) {
	all, err := harness.Records(ctx, dir)
	if err != nil {
		return nil, fmt.Errorf("gate: %w", err)
	}
	return all, nil
}

// state are the lines of a register dump and a call trace (arch/x86/kernel/dumpstack.c, process_64.c), and those in front of them
// (dump_stack_print_info): a kernel is tainted, or it is not, as the course has it.
var state = regexp.MustCompile(`^( |CPU: |Tainted: |Modules linked in|Hardware name|RIP: |Code: |[A-Z0-9]{2,3}: |PKRU: )`)
