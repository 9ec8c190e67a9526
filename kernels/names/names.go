// SPDX-License-Identifier: Apache-2.0

// Package names tells a user who wrote a name that there is not which there are, and which of them he may have meant.
package names

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// UnknownError is the name of nothing.
type UnknownError struct {
	What  string // what it was to be the name of: "strategy", "part"
	Name  string
	Known []string
	Where string // where the known ones are listed, "in the catalogue"; may be empty
}

// Unknown is an *UnknownError.
func Unknown(what, name, where string, known []string) error {
	return &UnknownError{What: what, Name: name, Known: known, Where: where}
}

// Error says which names are near, and lists all in columns.
func (e *UnknownError) Error() string {
	where := ""
	if e.Where != "" {
		where = " " + e.Where
	}
	text := fmt.Sprintf("no %s %q%s", e.What, e.Name, where)
	if near := Near(e.Name, e.Known); len(near) > 0 {
		text += "; did you mean " + strings.Join(near, ", or ") + "?"
	}
	return text + "\n  known:\n" + Columns(e.Known, 4, 100)
}

// near is how far a name may be from what was meant: a third of its letters, as with cobra's commands at least two.
func near(name string) int { return max(2, len([]rune(name))/3) }

// most bounds what is suggested.
const most = 3

// Near are the known names that name may stand for, the nearest first, and at most three: those that differ by a few letters, those that
// it is the beginning of or that are its beginning, and those that have it as a part.
func Near(name string, known []string) []string {
	name = strings.ToLower(name)
	type guess struct {
		name string
		far  int
	}
	var all []guess
	for _, k := range known {
		far := levenshtein.ComputeDistance(name, strings.ToLower(k))
		switch {
		case far <= near(name):
		case name != "" && strings.HasPrefix(k, name), len(k) > 3 && strings.HasPrefix(name, k):
			far = near(name) + 1
		case len(name) > 2 && strings.Contains(k, name):
			far = near(name) + 2
		default:
			continue
		}
		all = append(all, guess{k, far})
	}
	slices.SortStableFunc(all, func(a, b guess) int { return cmp.Compare(a.far, b.far) })
	var out []string
	for _, g := range all[:min(most, len(all))] {
		out = append(out, g.name)
	}
	return out
}

// Columns lists names from the top down, in as many columns as fit into width letters after an indent.
func Columns(names []string, indent, width int) string {
	widest := 0
	for _, n := range names {
		widest = max(widest, len(n))
	}
	columns := min(max(1, (width-indent+2)/(widest+2)), max(1, len(names)))
	rows := (len(names) + columns - 1) / columns
	var b strings.Builder
	for r := range rows {
		line := strings.Repeat(" ", indent)
		for i := r; i < len(names); i += rows {
			line += fmt.Sprintf("%-*s", widest+2, names[i])
		}
		b.WriteString(strings.TrimRight(line, " "))
		if r < rows-1 {
			b.WriteByte('\n')
		}
	}
	return b.String()
}
