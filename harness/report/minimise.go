// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"io"
	"strings"

	"lastpage/harness/minimise"
)

// Minimise prints what a loss needs. A figure stands beside what is lost one step beyond it.
func Minimise(w io.Writer, r *minimise.Result) error {
	var lines []string
	add := func(word, text string, most int) {
		lines = append(lines, wrap(fmt.Sprintf("  %-13s", word), strings.Repeat(" ", 15), text, most)...)
	}
	lines = append(lines, r.Trial+", scenario "+r.Scenario)
	for _, l := range r.Lost {
		add("it lost", l, 4)
	}
	lines = append(lines, "", "The same is lost with")
	edge := func(word, unit string, e *minimise.Edge) {
		if e == nil {
			return
		}
		text := fmt.Sprintf("%d %s", e.Is, unit)
		if e.Was != e.Is {
			text += fmt.Sprintf(" (it was %d)", e.Was)
		}
		switch {
		case e.Beyond != nil:
			text += fmt.Sprintf("; with %d is lost: %s", *e.Beyond, e.Why)
		case e.Why != "":
			text += ": " + e.Why
		}
		add(word, text, 4)
	}
	edge("first moment", "bytes after the provocation", r.Earliest)
	edge("last moment", "bytes after the provocation", r.Latest)
	if r.Unmoved != "" {
		add("moments", "not looked for: "+r.Unmoved, 4)
	}
	edge("backlog", "records", r.Backlog)
	for _, word := range r.Cmdline {
		why := "without it is lost: " + word.Why
		if word.Why == "" {
			why = "not tried without it"
		}
		add("command line", word.Word+": "+why, 3)
	}
	if len(r.Dropped) > 0 {
		add("not needed", strings.Join(r.Dropped, " "), 4)
	}
	add("trials", fmt.Sprintf("%d, of these %d references and %d void", r.Trials, r.References, r.Voids), 1)
	lines = append(lines, "", "the smallest: "+r.Smallest)
	_, err := fmt.Fprintln(w, strings.Join(lines, "\n"))
	return err
}
