// SPDX-License-Identifier: Apache-2.0

package compare

import (
	"fmt"

	"lastpage/harness"
)

// Ensemble says which courses are made. It repeats as a whole.
type Ensemble struct {
	Courses int         `json:"courses"` // 0: one, the board's own
	Seed    uint64      `json:"seed"`
	How     harness.How `json:"how,omitempty"`
}

// All draws the courses; one of nil if there is none.
func (e Ensemble) All() []*harness.Course {
	if e.Courses == 0 {
		return []*harness.Course{nil}
	}
	all := make([]*harness.Course, e.Courses)
	for i := range all {
		all[i] = harness.Draw(e.Seed, i+1, e.How)
	}
	return all
}

func (e Ensemble) conditions(c Conditions) {
	if e.Courses > 0 {
		c["course seed"], c["courses by"] = fmt.Sprint(e.Seed), string(e.How)
	} else {
		c["courses by"] = "the board's own"
	}
}
