// SPDX-License-Identifier: Apache-2.0

package wiretest

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// Schema names the form of a Report. Fields may be added under the same number; a change of meaning takes a new one.
const Schema = "lastpage.wiretest/1"

// Verdict of a fact.
type Verdict string

const (
	Pass    Verdict = "pass"
	Fail    Verdict = "fail"
	Unknown Verdict = "unknown" // could not be tried here; Got says why
	Figure  Verdict = "figure"  // a measurement that nothing is demanded of
)

// Fact is one thing that was found out.
type Fact struct {
	Part    string             `json:"part"`
	Name    string             `json:"name"`
	Want    string             `json:"want,omitempty"`
	Got     string             `json:"got"`
	Verdict Verdict            `json:"verdict"`
	Figures map[string]float64 `json:"figures,omitempty"` // units are in the names
	Digests map[string]string  `json:"digests,omitempty"` // SHA-256 of bytes and times, for comparison between runs
}

// Report is what one run of the test found.
type Report struct {
	Schema   string            `json:"schema"`
	Quick    bool              `json:"quick"`
	Started  time.Time         `json:"started"`  // host's clock
	Finished *time.Time        `json:"finished"` // null: it did not get to its end
	Host     map[string]string `json:"host"`
	Facts    []Fact            `json:"facts"`
}

// Count is how many facts have the verdict.
func (r *Report) Count(v Verdict) int {
	n := 0
	for _, f := range r.Facts {
		if f.Verdict == v {
			n++
		}
	}
	return n
}

// WriteText prints the report as a table.
func (r *Report) WriteText(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "VERDICT\tPART\tFACT\tMEASURED\tWANTED")
	for _, f := range r.Facts {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", f.Verdict, f.Part, f.Name, oneLine(f.Got), f.Want)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%d passed, %d failed, %d could not be tried\n", r.Count(Pass), r.Count(Fail), r.Count(Unknown))
	return err
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// judge is a fact with a verdict.
func judge(part, name string, ok bool, want, format string, a ...any) Fact {
	f := Fact{Part: part, Name: name, Want: want, Got: fmt.Sprintf(format, a...), Verdict: Fail}
	if ok {
		f.Verdict = Pass
	}
	return f
}

func unknown(part, name string, err error) Fact {
	return Fact{Part: part, Name: name, Got: err.Error(), Verdict: Unknown}
}

func (f Fact) with(figures map[string]float64) Fact {
	f.Figures = figures
	return f
}
