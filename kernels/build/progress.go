// SPDX-License-Identifier: Apache-2.0

package build

import (
	"fmt"
	"io"
	"strings"
)

// Event is how far a build is. Done and Total are objects of the step "compile" and 0 in all others. Total is an estimate, from
// the builds before or from the dependencies of the files that changed; 0 where there is nothing to go by.
type Event struct {
	Step        string
	Text        string // what the step is about, for people
	Done, Total int
}

func (e Event) String() string {
	s := e.Step
	if e.Text != "" {
		s += " " + e.Text
	}
	switch {
	case e.Total > 0:
		s += fmt.Sprintf(": %d of about %d objects, %d %%", e.Done, e.Total, 100*e.Done/e.Total)
	case e.Done > 0:
		s += fmt.Sprintf(": %d objects", e.Done)
	}
	return s
}

// Progress is called from one goroutine, in order.
type Progress func(Event)

// Lines is a Progress that writes a line for each step, and one for each tenth of the objects.
func Lines(w io.Writer) Progress {
	var step string
	tenth := -1
	return func(e Event) {
		t := -1
		switch {
		case e.Total > 0:
			t = 10 * e.Done / e.Total
		case e.Done > 0:
			t = e.Done / 200
		}
		name := e.Step + e.Text
		if name == step && t == tenth {
			return
		}
		step, tenth = name, t
		fmt.Fprintln(w, e)
	}
}

// lines makes a Progress into what the store and the package fetcher report to: each line is a step of its own.
func (p Progress) lines() io.Writer { return lineWriter(p) }

type lineWriter Progress

func (p lineWriter) Write(b []byte) (int, error) {
	for line := range strings.Lines(string(b)) {
		p(Event{Step: strings.TrimSpace(line)})
	}
	return len(b), nil
}

// counter counts objects in make's output.
type counter struct {
	expected, done int
	linking        bool
	progress       Progress
}

// line looks at one line that make wrote. kbuild's short form is "  CC      kernel/fork.o".
func (c *counter) line(line string) {
	f := strings.Fields(line)
	if len(f) < 2 || !strings.HasPrefix(line, "  ") {
		return
	}
	switch {
	case isCompile(f[0]):
		c.done++
		c.linking = false
		total := c.expected
		if total > 0 {
			total = max(total, c.done)
		}
		c.progress(Event{Step: "compile", Done: c.done, Total: total})
	case f[0] == "LD" && strings.Contains(f[1], "vmlinux") && !c.linking:
		c.linking = true
		c.progress(Event{Step: "link", Text: f[1]})
	}
}

// isCompile says whether a kbuild verb stands for one object compiled for the machine under test.
func isCompile(verb string) bool { return verb == "CC" || verb == "AS" }
