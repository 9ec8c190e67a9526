// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"lastpage/harness/grade"
)

// gates is how many gates are simulated for each case: 1,000, or LASTPAGE_GATES.
func gates(t *testing.T) int {
	n, err := strconv.Atoi(os.Getenv("LASTPAGE_GATES"))
	if os.Getenv("LASTPAGE_GATES") == "" {
		return 1000
	}
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// graded is a trial whose WARN is stored whole or not, as given; so is its panic on the wire.
func graded(warn, panics bool) *grade.Grade {
	section := func(whole bool) *grade.Section {
		have := grade.Count{Records: 30, Bytes: 2000}
		if !whole {
			have = grade.Count{Records: 3, Bytes: 200}
		}
		return &grade.Section{Expected: &grade.Count{Records: 30, Bytes: 2000}, Stored: &have, Wire: &have, Lost: ptr(30 - have.Records)}
	}
	return &grade.Grade{Letter: "A", Sections: map[string]*grade.Section{grade.Warn: section(warn), grade.Panic: section(panics),
		grade.Backlog: {Expected: &grade.Count{}}}}
}

// sides are all sides of one moment, by what they hold.
var sides = map[[2]bool]Side{}

func side(warn, panics bool) Side {
	k := [2]bool{warn, panics}
	if _, ok := sides[k]; !ok {
		sides[k] = Side{Grades: []*grade.Grade{graded(warn, panics)}, Tried: 2}
	}
	return sides[k]
}

// world says how often a condition fails in base and in head. Coupled: both fail in the same courses, as far as they can: the courses of a
// pair stayed equal. Otherwise they have parted, and nothing of one says anything of the other.
type world struct {
	base, head float64
	coupled    bool
}

func (w world) draw(r *rand.Rand) (base, head bool) {
	u := r.Float64()
	v := u
	if !w.coupled {
		v = r.Float64()
	}
	return u >= w.base, v >= w.head
}

// gate is one simulated gate. The WARN lives in world w, the panic in one that is as bad in base and no worse in head: an error in one of two
// rules is the hardest to find. Of courses that come one after another those that follow a decision do not change it.
func (w world) gate(p *Policy, r *rand.Rand, sequential bool) Verdict {
	s := Scenario{Name: "simulated", Sequential: sequential}
	add := func(n int) {
		for i := len(s.Courses); i < n; i++ {
			wb, wh := w.draw(r)
			pb, ph := world{w.base, w.base, w.coupled}.draw(r)
			s.Courses = append(s.Courses, Course{N: i + 1, Base: side(wb, pb), Head: side(wh, ph)})
		}
	}
	if sequential {
		add(p.Cap)
		return p.decide([]Scenario{s}, 1).Verdict
	}
	add(p.Courses)
	second := p.Second()
	if second > 0 {
		s.Look = 1
	}
	d := p.decide([]Scenario{s}, 1)
	if second > 0 && d.Open() {
		s.Look = 2
		add(second)
		d = p.decide([]Scenario{s}, 1)
	}
	return d.Verdict
}

// The pairs p0, p1 that are offered, and how many courses each is simulated with.
var offered = []struct {
	p0, p1       float64
	courses, cap int
}{{0, 0.1, 40, 80}, {0, 0.3, 8, 100}, {0, 0.5, 6, 40}, {0.05, 0.3, 24, 60}, {0.1, 0.4, 30, 80}}

func policy(t *testing.T, rules string) *Policy {
	t.Helper()
	p, err := ParsePolicy("simulated.yaml", []byte(rules))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Of gates that are simulated with the declared shares no more are wrong than was declared. Four deviations of chance are allowed for.
func TestErrorRates(t *testing.T) {
	n := gates(t)
	few := func(t *testing.T, what string, wrong int, rate float64) {
		t.Helper()
		if most := rate*float64(n) + 4*math.Sqrt(rate*(1-rate)*float64(n)); float64(wrong) > most {
			t.Errorf("%s: %d of %d gates, declared are %.0f %%", what, wrong, n, 100*rate)
		}
		t.Logf("%s: %d of %d (%.2f %%)", what, wrong, n, 100*float64(wrong)/float64(n))
	}
	for _, o := range offered {
		for _, sequential := range []bool{false, true} {
			how := fmt.Sprintf("%d courses", o.courses)
			if sequential {
				how = fmt.Sprintf("one after another, at most %d", o.cap)
			}
			must := policy(t, fmt.Sprintf("must: [{that: \"warn.stored >= 1\"}, {that: \"panic.wire >= 1\"}]\ncourses: %d\ncap: %d\n"+
				"test: {p0: %v, p1: %v, alpha: 0.05, beta: 0.1}", o.courses, o.cap, o.p0, o.p1))
			worse := policy(t, fmt.Sprintf("not_worse: [{that: \"warn.stored >= 1\"}, {that: \"panic.wire >= 1\"}]\ncourses: %d\ncap: %d\n"+
				"test: {p0: %v, p1: %v, alpha: 0.05, beta: 0.1}", o.courses, o.cap, o.p0, o.p1))
			t.Run(fmt.Sprintf("p0=%v,p1=%v,%s", o.p0, o.p1, how), func(t *testing.T) {
				r := rand.New(rand.NewPCG(13, uint64(o.courses)))
				count := func(p *Policy, w world, v Verdict) (k int) {
					for range n {
						if w.gate(p, r, sequential) == v {
							k++
						}
					}
					return k
				}
				few(t, "must: false alarms at p0", count(must, world{o.p0, o.p0, false}, Fail), 0.05)
				few(t, "must: misses at p1", count(must, world{0, o.p1, false}, Pass), 0.1)
				for _, q := range []float64{0.04, 0.5} {
					for _, coupled := range []bool{false, true} {
						w := world{q, q, coupled}
						few(t, fmt.Sprintf("not worse: false alarms, both fail in %v, coupled %v", q, coupled), count(worse, w, Fail), 0.05)
					}
				}
				for _, q := range []float64{0, 0.3} {
					for _, coupled := range []bool{false, true} {
						w := world{q, q + o.p1, coupled}
						few(t, fmt.Sprintf("not worse: misses, base fails in %v, coupled %v", q, coupled), count(worse, w, Pass), 0.1)
					}
				}
			})
		}
	}
}

// What is told apart easily is told apart: a gate that never decides would have no errors.
// Where both kernels lose the WARN in some of their courses, and the panic too, the second look of the default policy decides. What fewer
// courses decide is logged beside it.
func TestDefaultPolicyDecidesACoin(t *testing.T) {
	n := gates(t)
	for _, q := range []float64{0.125, 0.2} {
		for _, most := range []int{8, 60, 0} {
			p, err := LoadPolicy(DefaultPolicy)
			if err != nil {
				t.Fatal(err)
			}
			if most > 0 {
				p.Cap = most
			}
			r, open := rand.New(rand.NewPCG(13, 1)), 0
			for range n {
				if (world{q, q, false}).gate(p, r, false) == Unknown {
					open++
				}
			}
			t.Logf("both fail in %v, at most %d courses: %d of %d cannot tell (%.2f %%)", q, p.Cap, open, n, 100*float64(open)/float64(n))
			if most == 0 && open > n/20 {
				t.Errorf("both fail in %v: %d of %d gates cannot tell", q, open, n)
			}
		}
	}
}

func TestGateDecides(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	p := policy(t, "not_worse: [{that: \"warn.stored >= 1\"}]")
	for _, sequential := range []bool{false, true} {
		for range 100 {
			if v := (world{0, 0, true}).gate(p, r, sequential); v != Pass {
				t.Fatalf("nothing fails: %v", v)
			}
			if v := (world{0, 1, true}).gate(p, r, sequential); v != Fail {
				t.Fatalf("head always fails: %v", v)
			}
			if v := (world{1, 0, true}).gate(p, r, sequential); v != Pass {
				t.Fatalf("head is mended: %v", v)
			}
		}
	}
}

// A coin by course that falls alike in both kernels is what the second look is for: few gates are left that cannot tell.
func TestSecondLook(t *testing.T) {
	n := gates(t)
	once := policy(t, "not_worse: [{that: \"warn.stored >= 1\"}, {that: \"panic.wire >= 1\"}]\ncap: 8")
	twice := policy(t, "not_worse: [{that: \"warn.stored >= 1\"}, {that: \"panic.wire >= 1\"}]")
	if once.Second() != 0 || twice.Second() != twice.Cap {
		t.Fatalf("second looks: %d and %d courses", once.Second(), twice.Second())
	}
	open := func(p *Policy) (k int) {
		r := rand.New(rand.NewPCG(4, 4))
		for range n {
			if (world{0.125, 0.125, false}).gate(p, r, false) == Unknown {
				k++
			}
		}
		return k
	}
	a, b := open(once), open(twice)
	if b*4 > a {
		t.Errorf("open after one look: %d of %d gates, after two %d", a, n, b)
	}
	t.Logf("open after one look: %d of %d gates, after two %d", a, n, b)
}
