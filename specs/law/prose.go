// SPDX-License-Identifier: Apache-2.0

package law

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// columns is where a line of prose ends at the latest, in characters.
const columns = 140

// item is the beginning of a list item, up to its text.
var item = regexp.MustCompile(`^ *(?:[-*+]|\d+[.)]) +`)

// starts is what a broken line must not begin with: Markdown would take it for more than a word.
var starts = regexp.MustCompile(`^(?:[-*+>|=#]|\d+[.)]|` + "```" + `)`)

// prose calls f with the number (from 0) of each line that is prose: no table, no code.
func prose(lines []string, f func(i int)) {
	fenced, blank := false, true
	inCode := false
	for i, line := range lines {
		fence := strings.HasPrefix(strings.TrimSpace(line), "```")
		indented := strings.HasPrefix(line, "    ") || strings.HasPrefix(line, "\t")
		switch {
		case fence:
			fenced = !fenced
		case fenced:
		case strings.TrimSpace(line) == "":
			blank = true
			continue
		case indented && (blank || inCode):
			inCode = true
			continue
		case strings.HasPrefix(strings.TrimSpace(line), "|"):
		default:
			f(i)
		}
		blank, inCode = false, false
	}
}

// isLong says whether a line is longer than columns and can be broken.
func isLong(line string) bool {
	text := strings.TrimSpace(item.ReplaceAllString(line, ""))
	return utf8.RuneCountInString(line) > columns && strings.ContainsRune(text, ' ')
}

// tooLong are the numbers (from 1) of lines of prose that are too long.
func tooLong(text string) []int {
	var long []int
	lines := strings.Split(text, "\n")
	prose(lines, func(i int) {
		if isLong(lines[i]) {
			long = append(long, i+1)
		}
	})
	return long
}

// broken is text with its long lines of prose broken between words. The rest of a line goes on below its text, and takes in the line that
// follows it in the same paragraph, so that no short line is left in the middle of one.
func broken(text string) string {
	lines := strings.Split(text, "\n")
	isProse := map[int]bool{}
	prose(lines, func(i int) { isProse[i] = true })
	var out []string
	for i := 0; i < len(lines); i++ {
		if !isProse[i] || !isLong(lines[i]) {
			out = append(out, lines[i])
			continue
		}
		first := item.FindString(lines[i])
		if first == "" {
			first = lines[i][:len(lines[i])-len(strings.TrimLeft(lines[i], " "))]
		}
		words := together(strings.Fields(lines[i][len(first):]))
		for isProse[i+1] && !starts.MatchString(strings.TrimLeft(lines[i+1], " ")) && !strings.HasSuffix(lines[i], "  ") {
			i++
			words = append(words, together(strings.Fields(lines[i]))...)
		}
		line := first + words[0]
		for _, w := range words[1:] {
			if utf8.RuneCountInString(line)+1+utf8.RuneCountInString(w) > columns {
				out = append(out, line)
				line = strings.Repeat(" ", len(first)) + w
				continue
			}
			line += " " + w
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

// together joins to its predecessor each word that no line may begin with.
func together(words []string) []string {
	var all []string
	for i, w := range words {
		if i > 0 && starts.MatchString(w) {
			all[len(all)-1] += " " + w
			continue
		}
		all = append(all, w)
	}
	return all
}
