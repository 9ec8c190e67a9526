// SPDX-License-Identifier: Apache-2.0

// Package results writes what was found in the forms that kernel CI reads: JUnit, KTAP, KCIDB and a check of Patchwork. Every command's document first becomes a
// Suite; there is one writer for each form.
package results

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"lastpage/harness"
	"lastpage/kernels/names"
)

// Status is what became of a case, in KCIDB's words. The kernel's faults and ours are never the same.
type Status string

const (
	Fail  Status = "FAIL"  // the kernel's fault
	Error Status = "ERROR" // not known: too little was seen, or nobody knows whose fault it is
	Miss  Status = "MISS"  // the lab's fault: nothing of it counts
	Pass  Status = "PASS"
	Done  Status = "DONE" // measured; nothing was required
	Skip  Status = "SKIP" // this kernel or board cannot play it
)

// Suite is everything that one command found out.
type Suite struct {
	Name     string // run, sweep, matrix or gate
	Made     string // which lastpage
	Command  string // "" where it is not known
	Board    string
	Started  time.Time
	Finished time.Time // zero: unfinished
	Kernels  []Kernel
	Cases    []Case
}

// Kernel is one that was tried.
type Kernel struct {
	Name    string // strategy, base or head
	Release string
	Key     string // what tells it from others: its digest, or its name
	Origin  map[string]string
	Broken  string // why it does not build; "": it does
}

// Case is one result.
type Case struct {
	Group   string // scenario
	Name    string
	Board   string // "": the suite's
	Kernel  int    // index in Suite.Kernels
	Status  Status
	Why     string // one sentence
	Log     string // excerpt of a console, at most mostLog bytes; "" none
	Dir     string // evidence
	Started time.Time
}

// mostLog bounds an excerpt: 16 KiB.
const mostLog = 16 << 10

// writers are the forms.
var writers = map[string]func(io.Writer, *Suite) error{"junit": writeJUnit, "ktap": writeKTAP, "kcidb": writeKCIDB, "patchwork": writePatchwork}

// Formats are their names.
func Formats() []string {
	var all []string
	for name := range writers {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// CheckFormat says what is wrong with the name of a form.
func CheckFormat(name string) error {
	if writers[name] == nil {
		return names.Unknown("format", name, "(--format)", Formats())
	}
	return nil
}

// Write writes a suite in a form.
func Write(w io.Writer, format string, s *Suite) error {
	if err := CheckFormat(format); err != nil {
		return err
	}
	return writers[format](w, s)
}

// groups are the names of the groups in the order in which they come, each with its cases.
func (s *Suite) groups() (order []string, of map[string][]Case) {
	of = map[string][]Case{}
	for _, c := range s.Cases {
		if of[c.Group] == nil {
			order = append(order, c.Group)
		}
		of[c.Group] = append(of[c.Group], c)
	}
	return order, of
}

// console is the end of a trial's console, as much as an excerpt may have, without what no form can carry.
func console(dir string) string {
	if dir == "" {
		return ""
	}
	data, err := os.ReadFile(filepath.Join(dir, harness.ConsoleName))
	if err != nil {
		return "" // evidence may have been moved; the case names its folder
	}
	return excerpt(data)
}

func excerpt(data []byte) string {
	clean := strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && r < ' ' || r == 0x7f || r == 0xfffe || r == 0xffff {
			return -1
		}
		return r
	}, string(bytes.ToValidUTF8(data, []byte("?"))))
	if len(clean) > mostLog {
		clean = clean[len(clean)-mostLog:]
		for len(clean) > 0 && !utf8.RuneStart(clean[0]) {
			clean = clean[1:]
		}
		if _, rest, ok := strings.Cut(clean, "\n"); ok {
			clean = rest
		}
	}
	return clean
}

// sentence is a text in one line.
func sentence(format string, a ...any) string {
	return strings.Join(strings.Fields(fmt.Sprintf(format, a...)), " ")
}
