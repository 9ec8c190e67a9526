// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"io"

	"lastpage/harness"
)

// Survival prints the curve: a line for every twentieth of the time, and the last record that was out by then.
func Survival(w io.Writer, s *harness.Survival) error {
	if len(s.Records) == 0 {
		_, err := fmt.Fprintln(w, "no record came out after the provocation")
		return err
	}
	end := s.Records[len(s.Records)-1].NS
	if _, err := fmt.Fprintf(w, "%9s %7s  %s\n", "ms", "records", "last record on the wire, if the power goes then"); err != nil {
		return err
	}
	for i := 1; i <= 20; i++ {
		t := end * int64(i) / 20
		n, last := s.At(t)
		text := "-"
		if last != nil {
			text = last.Text
		}
		if len(text) > 55 {
			text = text[:54] + "~"
		}
		if _, err := fmt.Fprintf(w, "%9.1f %7d  %s\n", float64(t)/1e6, n, text); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "%d records are stored and never came out whole\n", s.Unsent)
	return err
}
