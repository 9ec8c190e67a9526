// SPDX-License-Identifier: Apache-2.0

package grade

// The letters. A section is judged by what a reader of the serial line has of
// it, and by what no dump can bring back:
//
//	A  all of it: every expected record whole on the wire, in order
//	B  at least 90 % of its bytes are on the wire, and nothing is lost for good
//	C  at least half of its bytes, and nothing lost; or 90 % with some lost
//	D  less than half of its bytes, and nothing lost: a dump has the rest;
//	   or at least half, with some lost
//	F  less than half of its bytes, with some lost for good
//
// Lost for good is a record that is expected, not in the ring, and not whole on
// the wire (Section.Lost). A section without a known expectation, or without a
// ring to look into, has no letter, unless all of it is on the wire. A section
// of which nothing is expected has none either.
//
// The whole trial has the worst letter of warn, panic, and, one letter milder,
// backlog: to get the old messages out matters, to have the last ones more.
// boot counts only where there is nothing else. A void trial has no letter, and
// one whose warn or panic section has none, though it was planned, neither.
func letters(g *Grade, want map[string]answer) {
	for _, s := range g.Sections {
		s.Letter = sectionLetter(s)
	}
	if len(g.Void) > 0 {
		g.Why = "void"
		for _, s := range g.Sections {
			s.Letter = ""
		}
		return
	}
	worst := ""
	for _, name := range []string{Warn, Panic, Backlog} {
		s := g.Sections[name]
		l := s.Letter
		if l == "" {
			nothing := s.Expected != nil && s.Expected.Records == 0
			if !nothing && (want[name] == yes || !s.Fates.None()) {
				g.Why = name + ": what was to be expected is not known"
				if g.Ring == nil {
					g.Why = name + ": the ringbuffer was not read"
				}
				return
			}
			continue
		}
		if name == Backlog {
			l = milder(l)
		}
		if l > worst {
			worst, g.Why = l, name
		}
	}
	if worst == "" {
		worst, g.Why = g.Sections[Boot].Letter, Boot
		if worst == "" {
			g.Why = "nothing to judge"
		}
	}
	g.Letter = worst
}

// sectionLetter is the letter of a section. One that holds records of which nobody knows what became has a letter only if it would be the
// same whether they were sent or not.
func sectionLetter(s *Section) string {
	worst := boundLetter(s, *s.Wire)
	if s.unsure.Records == 0 {
		return worst
	}
	best := boundLetter(s, Count{s.Wire.Records + s.unsure.Records, s.Wire.Bytes + s.unsure.Bytes})
	if best != worst {
		return ""
	}
	return worst
}

func boundLetter(s *Section, w Count) string {
	if s.Expected == nil || s.Expected.Records == 0 {
		return ""
	}
	e, f := s.Expected, s.Fates
	if w.Records >= e.Records && w.Bytes >= e.Bytes && f.Torn+f.Garbled+f.Missing == 0 && s.OutOfOrder == 0 {
		return "A"
	}
	if s.Lost == nil {
		return ""
	}
	switch {
	case 10*w.Bytes >= 9*e.Bytes && *s.Lost == 0:
		return "B"
	case 2*w.Bytes >= e.Bytes && *s.Lost == 0, 10*w.Bytes >= 9*e.Bytes:
		return "C"
	case 2*w.Bytes >= e.Bytes, *s.Lost == 0:
		return "D"
	}
	return "F"
}

// milder is one letter better, but never A.
func milder(l string) string {
	switch l {
	case "C":
		return "B"
	case "D":
		return "C"
	case "F":
		return "D"
	}
	return l
}
