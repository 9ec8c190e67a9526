// SPDX-License-Identifier: Apache-2.0

package match

import (
	"fmt"
	"strings"

	"github.com/onsi/gomega/types"

	"lastpage/harness"
	"lastpage/harness/grade"
)

// KeepItsRate: inside the records of these sections the mean rate (bytes/s) is within tolerance (a share) of the line's, and the line
// never idled there for more than 1 ms. A median says nothing about this: it does not see the few gaps that are long.
func KeepItsRate(rate, tolerance float64, sections ...string) types.GomegaMatcher {
	sentence := fmt.Sprintf("keep its rate of %g bytes/s inside the records of %s, give or take %g %%", rate, strings.Join(sections, ", "), 100*tolerance)
	return about(sentence, func(_ *harness.Trial, g *grade.Grade) (wrong []string, _ error) {
		for _, name := range sections {
			s := g.Sections[name]
			if s == nil || s.Pace == nil {
				return nil, fmt.Errorf("%s: no two bytes of a record have virtual times", name)
			}
			p := s.Pace
			if off := p.Rate/rate - 1; off > tolerance || off < -tolerance {
				wrong = append(wrong, fmt.Sprintf("the mean inside the records of %s is %.1f bytes/s", name, p.Rate))
			}
			if p.OverLong > 0 {
				wrong = append(wrong, fmt.Sprintf("in %s the line idled %d times for more than 1 ms in the middle of a record, the longest %.3f ms before byte %d",
					name, p.OverLong, float64(p.Worst.NS)/1e6, p.Worst.Byte))
			}
		}
		return wrong, nil
	})
}
