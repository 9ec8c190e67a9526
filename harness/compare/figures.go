// SPDX-License-Identifier: Apache-2.0

package compare

import (
	"regexp"
	"slices"

	"lastpage/harness"
	"lastpage/harness/gate"
	"lastpage/harness/grade"
)

// Share is how much of what was expected there is, if that is known.
type Share struct {
	Percent  int  // rounded down: 100 is said only where nothing is missing
	Expected bool // anything was; if not, Unknown says whether that is known
	Unknown  bool
}

// Shares are the medians over the trials of what was on the wire of backlog, warn and panic.
func (c *Cell) Shares() (all [3]Share) {
	for i, name := range []string{grade.Backlog, grade.Warn, grade.Panic} {
		var v []float64
		for _, t := range c.Trials {
			s := t.Grade.Sections[name]
			switch {
			case s.Expected != nil && s.Expected.Bytes > 0:
				v = append(v, 100*float64(s.Wire.Bytes)/float64(s.Expected.Bytes))
			case s.Expected == nil && s.Fates != (grade.Fates{}):
				all[i].Unknown = true
			}
		}
		if len(v) > 0 {
			slices.Sort(v)
			all[i] = Share{Percent: int(v[len(v)/2]), Expected: true}
		}
	}
	return all
}

// Range is the least and the most over the trials.
type Range struct{ Least, Most int64 }

// widen takes one more value in; r may be nil.
func (r *Range) widen(n int64) *Range {
	if r == nil {
		return &Range{n, n}
	}
	return &Range{min(r.Least, n), max(r.Most, n)}
}

// span is the range of some figures; ok is false if there are none.
func span(all []int64) (r Range, ok bool) {
	if len(all) == 0 {
		return r, false
	}
	return Range{slices.Min(all), slices.Max(all)}, true
}

// Unsent are the records that were stored and never whole on the wire; holes is the most of them that lay before the last record on the
// wire. ok is false if no trial knows.
func (c *Cell) Unsent() (r Range, holes int64, ok bool) {
	var n []int64
	for _, t := range c.Trials {
		if t.Words != nil {
			n = append(n, int64(t.Words.Unsent+t.Words.Cut))
			holes = max(holes, int64(t.Words.UnsentBefore))
		}
	}
	r, ok = span(n)
	return r, holes, ok
}

// PanicSent is how often the panic was wholly sent, with its 95 % interval; ok is false where none was expected.
func (c *Cell) PanicSent() (k, n int, in gate.Interval, ok bool) {
	for _, t := range c.Trials {
		s := t.Grade.Sections[grade.Panic]
		if s.Expected == nil || s.Expected.Records == 0 {
			continue
		}
		n++
		if s.Wire.Records >= s.Expected.Records {
			k++
		}
	}
	if n == 0 {
		return 0, 0, in, false
	}
	return k, n, gate.Share(k, n), true
}

// LastWord is a last message on the wire, and in how many trials it was.
type LastWord struct {
	Text    string
	Backlog bool // a record of the backlog: they are all alike
	Whole   bool // not only its beginning
	Trials  int
}

var backlogRecord = regexp.MustCompile(`^lastpage [0-9a-f]{8} b \d+ (\d+) .*`)

// LastWords are the last messages of a cell's trials, each once.
func (c *Cell) LastWords() (all []LastWord) {
	for _, t := range c.Trials {
		if t.Words == nil {
			continue
		}
		w := LastWord{Text: t.Words.LastWire, Whole: t.Words.LastWhole || t.Words.LastWire == "", Trials: 1}
		if w.Backlog = backlogRecord.MatchString(w.Text); w.Backlog {
			w.Text = ""
		}
		alike := func(x LastWord) bool { return x.Text == w.Text && x.Backlog == w.Backlog && x.Whole == w.Whole }
		if i := slices.IndexFunc(all, alike); i >= 0 {
			all[i].Trials++
			continue
		}
		all = append(all, w)
	}
	return all
}

// Kinds are the outcomes of a cell's courses, the worst first, and how many of its courses have no letter and are none of them.
func (c *Cell) Kinds() (kinds []Kind, none int) {
	var row Row
	for _, t := range c.Trials {
		i := slices.IndexFunc(row.Courses, func(x *CourseRow) bool { return x.Course.N == t.Course })
		if i < 0 {
			i, row.Courses = len(row.Courses), append(row.Courses, &CourseRow{Course: &harness.Course{N: t.Course}})
		}
		x := row.Courses[i]
		x.Trials, x.Graded = append(x.Trials, t.Dir), append(x.Graded, t.Grade)
	}
	for _, x := range row.Courses {
		if x.Letter() == "" {
			none++
		}
	}
	return row.Kinds(), none
}

// Repeats is how many whole records came out once more; ok is false if there is no trial.
func (c *Cell) Repeats() (r Range, ok bool) {
	var n []int64
	for _, t := range c.Trials {
		n = append(n, int64(t.Grade.Console.Repeats))
	}
	return span(n)
}

// Delays are the time (ns) and the bytes between panic() and the crash kernel's first instruction, and in how many trials it came there.
func (c *Cell) Delays() (ns, bytes Range, n int) {
	var times, sizes []int64
	for _, t := range c.Trials {
		for _, d := range t.Grade.Delays {
			if d.From == "panic-call" && d.To == "crash-exec" {
				times, sizes = append(times, d.NS), append(sizes, d.Bytes)
			}
		}
	}
	ns, _ = span(times)
	bytes, _ = span(sizes)
	return ns, bytes, len(times)
}
