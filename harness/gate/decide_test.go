// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"lastpage/capture/ring"
	"lastpage/harness/grade"
	"lastpage/kernels/plan"
)

func TestBounds(t *testing.T) {
	// 0 of 299 independent draws: below 1 % at 95 %; 3 of 20: 0.344 (Clopper and Pearson 1934, one-sided at 95 %).
	for _, c := range []struct {
		k, n  int
		tail  float64
		bound float64
	}{{0, 299, 0.05, 0.00997}, {0, 8, 0.1, 0.2501}, {3, 20, 0.05, 0.3437}, {20, 20, 0.05, 1}} {
		if got := upper(c.k, c.n, c.tail); math.Abs(got-c.bound) > 0.0005 {
			t.Errorf("%+v: %.5f", c, got)
		}
	}
	// Fisher's tea (1935): 3 of 4 against 1 of 4 is 17/70, 4 against 0 is 1/70, one-sided.
	for _, c := range []struct {
		k, n, l, m int
		p          float64
	}{{1, 4, 3, 4, 17.0 / 70}, {0, 4, 4, 4, 1.0 / 70}, {4, 4, 0, 4, 1}, {8, 8, 8, 8, 1}, {0, 8, 8, 8, 1.0 / 12870}} {
		if got := Lower(c.k, c.n, c.l, c.m); math.Abs(got-c.p) > 1e-9 {
			t.Errorf("%+v: %.9f", c, got)
		}
	}
}

// A bound that is looked at after every course is above the one of a fixed number, and comes down with it; it holds in simulation.
func TestUniformBound(t *testing.T) {
	h := make([]int, 60)
	if few, many := uniform(h[:10], 0.1), uniform(h, 0.1); few <= upper(0, 10, 0.1) || many <= upper(0, 60, 0.1) || many >= few || few > 0.35 {
		t.Errorf("%v, %v", few, many)
	}
	r, wrong := rand.New(rand.NewPCG(3, 4)), 0
	for range 200 {
		for i := range h {
			h[i] = 0
			if r.Float64() < 0.3 {
				h[i] = 1
			}
		}
		for n := 5; n <= len(h); n += 5 {
			if uniform(h[:n], 0.1) < 0.3 {
				wrong++
				break
			}
		}
	}
	if wrong > 36 {
		t.Errorf("the bound was below the truth in %d of 200", wrong)
	}
}

// of makes n courses in which the WARN is stored whole or not.
func of(n int, base, head bool) Scenario {
	s := Scenario{Name: "s"}
	for i := range n {
		s.Courses = append(s.Courses, Course{N: i + 1, Base: side(base, true), Head: side(head, true)})
	}
	return s
}

func TestDecide(t *testing.T) {
	def, err := LoadPolicy(DefaultPolicy)
	if err != nil {
		t.Fatal(err)
	}
	complete, err := LoadPolicy("complete")
	if err != nil {
		t.Fatal(err)
	}
	dead := of(8, true, true)
	dead.Courses[3].Head = Side{Dead: true, Why: "no init"}
	both := of(8, true, true)
	both.Courses[0].Head, both.Courses[0].Base = Side{Dead: true}, Side{Dead: true, Why: "no init"}
	hung := of(8, true, true)
	for i := range hung.Courses {
		hung.Courses[i].Head = Side{Unarmed: true}
	}
	endless := of(8, true, true)
	for i := range endless.Courses {
		endless.Courses[i].Head = Side{Endless: true, Why: "it went on"}
	}
	noisy := of(8, true, true)
	for i := range noisy.Courses {
		noisy.Courses[i].Head.Tried, noisy.Courses[i].Head.Void = 10, 3
	}
	blind := of(8, true, true)
	for i := range blind.Courses {
		blind.Courses[i].Head.Grades = []*grade.Grade{nil}
	}
	reworded := of(8, true, true)
	reworded.Reworded = 1
	strict := *def
	strict.Records = RecordsFail
	for _, c := range []struct {
		name   string
		policy *Policy
		s      Scenario
		is     Verdict
		why    string
	}{
		{"equal", def, of(8, true, true), Pass, "head breaks no rule"},
		{"equally bad", def, of(8, false, false), Pass, ""},
		{"mended", def, of(8, false, true), Pass, "base holds warn.stored >= 1 in 0 of 8 courses only"},
		{"harmed", def, of(8, true, false), Fail, "warn.stored >= 1: it holds in 8 of 8 courses of base and 0 of 8 of head"},
		{"too few", def, of(3, true, true), Unknown, "too few"},
		{"must", complete, of(8, false, true), Pass, ""},
		{"must not held by both", complete, of(8, false, false), Fail, "must: warn"},
		{"dead", def, dead, Fail, "head died before it could be tried (course 4), base did not: no init"},
		{"base dead", def, both, Unknown, "base died"},
		{"never armed", def, hung, Fail, "base came there in 8 of 8 courses, head in 0 of 8"},
		{"never over", def, endless, Fail, "s: comes to its end: base came there in 8 of 8 courses, head in 0 of 8 (Fisher's exact test: p 7.8e-05): it went on"},
		{"void", def, noisy, Unknown, "base 0 of 16, head 24 of 80"},
		{"nothing known", def, blind, Unknown, "no pair of courses says"},
		{"cannot", def, Scenario{Name: "s", Cannot: "no button"}, Unknown, "no button"},
		{"reworded, shown", def, reworded, Pass, ""},
		{"reworded", &strict, reworded, Fail, "only in one"},
		{"nothing", def, Scenario{Name: "s"}, Unknown, "no rule"},
	} {
		d := Decide(c.policy, []Scenario{c.s})
		if d.Verdict != c.is || !strings.Contains(d.Why, c.why) {
			t.Errorf("%s: %v, %s", c.name, d.Verdict, d.Why)
		}
	}
	// What is missing decides when it is there.
	few := Decide(def, []Scenario{of(3, true, true)})
	if few.Missing == nil || Decide(def, []Scenario{of(3+*few.Missing, true, true)}).Verdict != Pass || def.Needs() != 3+*few.Missing {
		t.Errorf("missing %v, needs %d", few.Missing, def.Needs())
	}
}

func TestCondition(t *testing.T) {
	g := graded(false, true)
	g.Delays = []grade.Delay{{From: "panic-call", To: "crash-exec", NS: 3e6}}
	for text, is := range map[string]Verdict{"warn.stored >= 0.1": Pass, "warn.stored >= 1": Fail, "warn.sent >= 1": Pass, "panic.wire >= 0.99": Pass,
		"warn.lost <= 26": Fail, "warn.lost <= 27": Pass, "crash-exec.ms <= 3": Pass, "crash-exec.ms <= 2.9": Fail, "letter >= A": Pass} {
		c, err := ParseCondition(text)
		if err != nil {
			t.Fatal(err)
		}
		if v, asked := c.Judge(g); v != is || !asked {
			t.Errorf("%s: %v, %v", text, v, asked)
		}
	}
	if c, _ := ParseCondition("backlog.wire >= 1"); c.String() == "" {
		t.Error("no text")
	} else if _, asked := c.Judge(g); asked {
		t.Error("a section of which nothing is expected was asked for")
	}
	// One record of a thousand bytes is missing: 0.9999 is not whole.
	c, _ := ParseCondition("warn.wire >= 1")
	g.Sections[grade.Warn].Wire = &grade.Count{Records: 29, Bytes: 2000}
	if v, _ := c.Judge(g); v != Fail {
		t.Errorf("a missing record: %v", v)
	}
	for _, text := range []string{"warn", "warn.size >= 1", "warn.wire <= 1", "warn.lost >= 1", "warn.wire >= 1.1", "letter >= Z", "letter <= A", "boot.wire >= 1", "warn.wire >= x"} {
		if _, err := ParseCondition(text); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}

// That a section did not end is known only where the whole ringbuffer was read. What panic() printed before its final loop may be in other
// words.
func TestEnded(t *testing.T) {
	c, err := ParseCondition("panic.ended >= 1")
	if err != nil {
		t.Fatal(err)
	}
	dump, some := &grade.Ring{}, grade.Fates{Stored: 3}
	loop := []grade.GradeEvent{{Code: int(plan.Mark), Arg: plan.MarkPanicEnd}}
	for name, x := range map[string]struct {
		g  grade.Grade
		s  grade.Section
		is Verdict
	}{
		"ended":                         {grade.Grade{}, grade.Section{Complete: true}, Pass},
		"stopped":                       {grade.Grade{Ring: dump}, grade.Section{Fates: some}, Fail},
		"nothing of it":                 {grade.Grade{Ring: dump}, grade.Section{}, Fail},
		"no dump":                       {grade.Grade{}, grade.Section{Fates: some}, Unknown},
		"a dump of something else":      {grade.Grade{Ring: &grade.Ring{Witness: &ring.Witness{}}}, grade.Section{Fates: some}, Unknown},
		"part of the dump was not read": {grade.Grade{Ring: dump}, grade.Section{Fates: grade.Fates{Stored: 3, NotRead: 1}}, Unknown},
		"in the final loop, no record":  {grade.Grade{Ring: dump, Events: loop}, grade.Section{}, Unknown},
		"in the final loop":             {grade.Grade{Ring: dump, Events: loop}, grade.Section{Fates: some}, Fail},
	} {
		x.g.Sections = map[string]*grade.Section{grade.Panic: &x.s}
		if v, asked := c.Judge(&x.g); v != x.is || !asked {
			t.Errorf("%s: %v, asked %v", name, v, asked)
		}
	}
}

func TestPolicyFile(t *testing.T) {
	for text, want := range map[string]string{"must: [{that: \"warn.stored >= 1\"}]\nsurprise: 1": "surprise", "courses: 8": "nothing would be decided",
		"must: [{that: \"warn.stores >= 1\"}]": "no such quantity", "must: [{that: \"warn.stored >= 1\"}]\ntest: {p0: 0.5, p1: 0.3, alpha: 0.05, beta: 0.1}": "not above p0",
		"must: [{that: \"warn.stored >= 1\"}]\nrecords: hidden": "records"} {
		if _, err := ParsePolicy("own.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	p, err := ParsePolicy("dir/own.yaml", []byte("must: [{that: \"warn.wire >= 0.99\"}]"))
	if err != nil || p.Name != "own" || len(p.NotWorse) != 0 || p.Test.Beta != 0.1 || p.Must[0].That.String() != "warn.wire >= 0.99" {
		t.Errorf("%v, %+v", err, p)
	}
}
