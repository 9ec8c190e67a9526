// SPDX-License-Identifier: Apache-2.0

package grade

import (
	"encoding/json"
	"strings"
	"testing"
)

// sec makes a section: expected, stored, wire records of 100 bytes each.
func sec(expected, stored, wire int) *Section {
	c := func(n int) *Count {
		if n < 0 {
			return nil
		}
		return &Count{n, int64(n) * 100}
	}
	s := &Section{Expected: c(expected), Stored: c(stored), Wire: c(wire)}
	s.Fates.Intact = wire
	s.Fates.Missing = max(stored-wire, 0)
	s.Fates.Stored = max(stored, 0)
	if expected >= 0 && stored >= 0 {
		lost := max(expected-max(stored, wire), 0)
		s.Lost = &lost
	}
	return s
}

func torn(s *Section, bytes int64) *Section {
	s.Fates.Torn++
	s.Fates.Missing--
	s.Wire.Bytes += bytes
	return s
}

func TestSectionLetter(t *testing.T) {
	disorder := sec(10, 10, 10)
	disorder.OutOfOrder = 1
	for _, tt := range []struct {
		name string
		s    *Section
		want string
	}{
		{"all", sec(39, 39, 39), "A"},
		{"all, and more than expected", sec(39, 41, 41), "A"},
		{"all, out of order", disorder, "B"},
		{"last record torn, whole in the ring", torn(sec(10, 10, 9), 50), "B"},
		{"90 %, the rest in the ring", sec(10, 10, 9), "B"},
		{"half, the rest in the ring", sec(10, 10, 5), "C"},
		{"90 %, the rest lost", sec(10, 9, 9), "C"},
		{"nothing sent, all stored (deferred, died before the flush)", sec(39, 39, 0), "D"},
		{"half, the rest lost", sec(10, 5, 5), "D"},
		{"2 of 39 stored and sent (inline)", sec(39, 2, 2), "F"},
		{"nothing at all", sec(39, 0, 0), "F"},
		{"most stored, some lost, nothing sent", sec(39, 38, 0), "F"},
		{"expectation unknown", sec(-1, 5, 5), ""},
		{"nothing expected", sec(0, 0, 0), ""},
		{"no ring, all on the wire", sec(10, -1, 10), "A"},
		{"no ring, not all on the wire", sec(10, -1, 9), ""},
	} {
		if got := sectionLetter(tt.s); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestLetters(t *testing.T) {
	a, d, f, none, open := func() *Section { return sec(10, 10, 10) }, func() *Section { return sec(10, 10, 0) },
		func() *Section { return sec(10, 1, 1) }, func() *Section { return sec(0, 0, 0) }, func() *Section { return sec(-1, 1, 1) }
	for _, tt := range []struct {
		name                       string
		boot, backlog, warn, panic *Section
		want                       map[string]answer
		void                       []string
		letter, why                string
	}{
		{"all", a(), a(), a(), a(), nil, nil, "A", Warn},
		{"warn lost", a(), a(), f(), a(), nil, nil, "F", Warn},
		{"panic counts as much", a(), a(), a(), f(), nil, nil, "F", Panic},
		{"backlog counts one letter less", a(), f(), a(), a(), nil, nil, "D", Backlog},
		{"a worse backlog hides no warn", a(), d(), d(), a(), nil, nil, "D", Warn},
		{"boot does not count beside others", f(), none(), a(), none(), nil, nil, "A", Warn},
		{"boot alone", d(), none(), none(), none(), nil, nil, "D", Boot},
		{"warn planned, expectation unknown", a(), a(), open(), a(), map[string]answer{Warn: yes}, nil, "", "warn: what was to be expected is not known"},
		{"panic neither planned nor there", a(), a(), a(), &Section{Wire: &Count{}}, nil, nil, "A", Warn},
		{"void", a(), a(), a(), a(), nil, []string{"overrun"}, "", "void"},
	} {
		g := &Grade{Void: tt.void, Ring: &Ring{}, Sections: map[string]*Section{Boot: tt.boot, Backlog: tt.backlog, Warn: tt.warn, Panic: tt.panic,
			Other: {Wire: &Count{}}}}
		letters(g, tt.want)
		if g.Letter != tt.letter || g.Why != tt.why {
			t.Errorf("%s: %q (%s), want %q (%s)", tt.name, g.Letter, g.Why, tt.letter, tt.why)
		}
		for name, s := range g.Sections {
			if len(tt.void) > 0 && s.Letter != "" {
				t.Errorf("%s: section %s of a void trial has %q", tt.name, name, s.Letter)
			}
		}
	}
}

// The names that docs/json.md promises.
func TestSchemaNames(t *testing.T) {
	g := &Grade{Schema: Schema, Void: []string{}, Sections: map[string]*Section{Warn: sec(1, 1, 1)}, Events: []GradeEvent{}, Delays: []Delay{}}
	b, err := json.Marshal(g)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"schema":"lastpage.grade/1"`, `"void":[]`, `"expected":{"records":1,"bytes":100}`, `"stored":{"records":1,"bytes":100}`,
		`"wire":{"records":1,"bytes":100}`, `"pending_at_provoke":null`, `"never":null`, `"ring":null`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("no %s in %s", want, b)
		}
	}
}
