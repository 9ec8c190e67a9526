// SPDX-License-Identifier: Apache-2.0

package results

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// writeKTAP writes one test for each group, with its cases as subtests (Documentation/dev-tools/ktap.rst). A case that is not known or not
// ours to judge is "not ok" with the directive ERROR, so that no reader takes it for passed.
func writeKTAP(w io.Writer, s *Suite) error {
	b := bufio.NewWriter(w)
	order, of := s.groups()
	fmt.Fprintf(b, "KTAP version 1\n1..%d\n", len(order))
	for i, group := range order {
		fmt.Fprintf(b, "  KTAP version 1\n  # Subtest: %s\n  1..%d\n", plain(group), len(of[group]))
		result, directive := "ok", " # SKIP"
		for j, c := range of[group] {
			if c.Why != "" {
				fmt.Fprintf(b, "  # %s\n", c.Why)
			}
			if c.Dir != "" && c.Status != Pass && c.Status != Done {
				fmt.Fprintf(b, "  # evidence: %s\n", c.Dir)
			}
			if c.Status == Fail {
				for line := range strings.Lines(c.Log) {
					fmt.Fprintf(b, "  # | %s\n", strings.TrimRight(line, "\r\n"))
				}
			}
			line, more := "ok", ""
			switch c.Status {
			case Fail:
				line = "not ok"
			case Error, Miss:
				line, more = "not ok", " # ERROR "+plain(c.Why)
			case Skip:
				more = " # SKIP " + plain(c.Why)
			}
			if line != "ok" {
				result = "not ok"
			}
			if c.Status != Skip {
				directive = ""
			}
			fmt.Fprintf(b, "  %s %d %s%s\n", line, j+1, plain(c.Name), more)
		}
		fmt.Fprintf(b, "%s %d %s%s\n", result, i+1, plain(group), directive)
	}
	return b.Flush()
}

// plain is a text that a result line can hold.
func plain(text string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(text, "#", "no.")), " ")
}
