// SPDX-License-Identifier: Apache-2.0

package compare

import (
	"fmt"
	"slices"

	"lastpage/harness/grade"
)

// Summary is what the trials of one strategy say together.
type Summary struct {
	Letters string    // "A", or "A..C" when the trials differ; "void", "?"
	Pending *int64    // bytes at the provocation, median; nil: unknown
	Shares  [6]string // of backlog, warn and panic, stored and on the wire: % of the expected bytes, median; "-" not expected, "?" unknown
}

// Summarise works out the figures of a row. Void grades do not count.
func Summarise(grades []*grade.Grade) Summary {
	var t Summary
	var letters []string
	var pending []int64
	var share [6][]float64
	var unknown [6]bool
	count := 0
	for _, g := range grades {
		if len(g.Void) > 0 {
			continue
		}
		count++
		if g.Letter != "" {
			letters = append(letters, g.Letter)
		}
		if g.PendingAtProvoke != nil {
			pending = append(pending, g.PendingAtProvoke.Bytes)
		}
		for i, name := range []string{grade.Backlog, grade.Warn, grade.Panic} {
			s := g.Sections[name]
			switch {
			case s.Expected != nil && s.Expected.Bytes > 0:
				if s.Stored != nil {
					share[2*i] = append(share[2*i], percent(s.Stored.Bytes, s.Expected.Bytes))
				} else {
					unknown[2*i] = true
				}
				share[2*i+1] = append(share[2*i+1], percent(s.Wire.Bytes, s.Expected.Bytes))
			case s.Expected == nil && !s.Fates.None():
				unknown[2*i], unknown[2*i+1] = true, true
			}
		}
	}
	t.Letters = letterSpan(letters)
	switch {
	case count == 0:
		t.Letters = "void"
	case len(letters) < count:
		t.Letters = "?"
	}
	if len(pending) > 0 {
		slices.Sort(pending)
		t.Pending = &pending[len(pending)/2]
	}
	for i := range share {
		t.Shares[i] = "-"
		if unknown[i] {
			t.Shares[i] = "?"
		} else if k := len(share[i]); k > 0 {
			slices.Sort(share[i])
			t.Shares[i] = cut(share[i][k/2])
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

func letterSpan(letters []string) string {
	if len(letters) == 0 {
		return "?"
	}
	lo, hi := slices.Min(letters), slices.Max(letters)
	if lo == hi {
		return lo
	}
	return lo + ".." + hi
}
