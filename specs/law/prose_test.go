// SPDX-License-Identifier: Apache-2.0

package law

import (
	"path"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// Lines of prose end at one column. With -update the long ones are broken.
func TestProse(t *testing.T) {
	pages := 0
	for _, f := range files(t) {
		if path.Ext(f) != ".md" {
			continue
		}
		pages++
		text := read(t, f)
		if *update && len(tooLong(text)) > 0 {
			text = broken(text)
			write(t, f, text)
		}
		for _, n := range tooLong(text) {
			t.Errorf("%s:%d: %d characters, a line of prose has %d at most: go test ./specs/law -run Prose -update", f, n,
				utf8.RuneCountInString(strings.Split(text, "\n")[n-1]), columns)
		}
	}
	if pages < 5 {
		t.Errorf("only %d pages of prose: is the tree another?", pages)
	}
}

func TestTooLong(t *testing.T) {
	long := strings.Repeat("word ", 40)
	for name, c := range map[string]struct {
		text string
		want []int
	}{
		"prose":         {"short\n" + long + "\n", []int{2}},
		"item":          {"- " + long, []int{1}},
		"table":         {"| " + long + "|", nil},
		"fence":         {"```\n" + long + "\n```\n" + long, []int{4}},
		"code":          {"text:\n\n    " + long + "\n    " + long + "\n\n" + long, []int{6}},
		"not code":      {"- text\n    " + long, []int{2}},
		"one word":      {strings.Repeat("x", 200), nil},
		"link":          {"- [x](" + strings.Repeat("x", 200) + ")", nil},
		"runes":         {strings.Repeat("µ ", 70), nil},
		"exactly":       {strings.Repeat("abcd ", 27) + "abcde", nil},
		"one too many ": {strings.Repeat("abcd ", 27) + "abcdef", []int{1}},
	} {
		if got := tooLong(c.text); !slices.Equal(got, c.want) {
			t.Errorf("%s: lines %v, want %v", name, got, c.want)
		}
	}
}

func TestBroken(t *testing.T) {
	long := strings.TrimSpace(strings.Repeat("word ", 40))
	for name, c := range map[string]struct{ text, want string }{
		"paragraph": {long + "\nmore\n\nnext\n", strings.TrimSpace(strings.Repeat("word ", 28)) + "\n" + strings.Repeat("word ", 12) + "more\n\nnext\n"},
		"item":      {"- " + long + "\n- next", "- " + strings.TrimSpace(strings.Repeat("word ", 27)) + "\n  " + strings.TrimSpace(strings.Repeat("word ", 13)) + "\n- next"},
		"table":     {"| " + long + " |", "| " + long + " |"},
		"no start":  {strings.Repeat("word ", 27) + "abcde - b", strings.TrimSpace(strings.Repeat("word ", 27)) + "\nabcde - b"},
		"heading":   {long + "\n# next", strings.TrimSpace(strings.Repeat("word ", 28)) + "\n" + strings.TrimSpace(strings.Repeat("word ", 12)) + "\n# next"},
	} {
		got := broken(c.text)
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		if a, b := strings.Fields(got), strings.Fields(c.text); !slices.Equal(a, b) {
			t.Errorf("%s: other words: %q, had %q", name, a, b)
		}
	}
}
