package grade

import (
	"fmt"
	"slices"
)

// summary is a row's figures over its trials.
type summary struct {
	void    int
	letters string // "A", or "A..C" when the trials differ; "void", "?"
	pending *int64 // median
	share   [6]string
}

func (r Row) summary() summary {
	var t summary
	var letters []string
	var pending []int64
	var share [6][]float64
	var unknown [6]bool
	count := 0
	for _, g := range r.Grades {
		if len(g.Void) > 0 {
			t.void++
			continue
		}
		count++
		if g.Letter != "" {
			letters = append(letters, g.Letter)
		}
		if g.PendingAtProvoke != nil {
			pending = append(pending, g.PendingAtProvoke.Bytes)
		}
		for i, name := range []string{Backlog, Warn, Panic} {
			s := g.Sections[name]
			switch {
			case s.Expected != nil && s.Expected.Bytes > 0:
				if s.Stored != nil {
					share[2*i] = append(share[2*i], percent(s.Stored.Bytes, s.Expected.Bytes))
				} else {
					unknown[2*i] = true
				}
				share[2*i+1] = append(share[2*i+1], percent(s.Wire.Bytes, s.Expected.Bytes))
			case s.Expected == nil && !s.Fates.none():
				unknown[2*i], unknown[2*i+1] = true, true
			}
		}
	}
	t.letters = span(letters)
	switch {
	case count == 0:
		t.letters = "void"
	case len(letters) < count:
		t.letters = "?"
	}
	if len(pending) > 0 {
		slices.Sort(pending)
		t.pending = &pending[len(pending)/2]
	}
	for i := range share {
		t.share[i] = "-"
		if unknown[i] {
			t.share[i] = "?"
		} else if k := len(share[i]); k > 0 {
			slices.Sort(share[i])
			t.share[i] = cut(share[i][k/2])
		}
	}
	return t
}

func percent(n, of int64) float64 { return 100 * float64(n) / float64(of) }

// cut never rounds up to 100: that is said only where nothing is missing.
func cut(p float64) string {
	if p < 100 && p > 99.9 {
		p = 99.9
	}
	return fmt.Sprintf("%.1f", p)
}

func span(letters []string) string {
	if len(letters) == 0 {
		return "?"
	}
	lo, hi := slices.Min(letters), slices.Max(letters)
	if lo == hi {
		return lo
	}
	return lo + ".." + hi
}
