// SPDX-License-Identifier: Apache-2.0

package compare

import (
	"fmt"
	"maps"
	"slices"

	"lastpage/harness"
)

// Conditions are what trials that are put together must have in common, by name. What a later session wants must agree with them in every
// name that both have.
type Conditions map[string]string

// conditions are those of every series.
func conditions(o *harness.Series) Conditions {
	shape := harness.DefaultShape()
	if o.Shape != nil {
		shape = *o.Shape
	}
	c := Conditions{"backlog_records": fmt.Sprint(shape.Backlog), "record_len": fmt.Sprint(shape.RecordLen)}
	if o.Scenario.Name != "" {
		c["scenario"] = o.Scenario.Name
	}
	if o.Scenario.Digest != "" {
		c["scenario_sha256"] = o.Scenario.Digest
	}
	return c
}

// subject adds what a strategy was, so that a kernel that has changed since then is noticed.
func (c Conditions) subject(s *harness.Subject) {
	c["board"], c["baud"] = s.Board, fmt.Sprint(s.Frame.Baud)
	c["kernel of "+s.Strategy] = s.Release
	if s.KernelKey != "" {
		c["kernel of "+s.Strategy] += " " + s.KernelKey
	}
	c["cmdline of "+s.Strategy] = s.Cmdline
}

// DiffersError says which condition of what is in a folder differs from that of now.
type DiffersError struct {
	Dir, Name, Was, Now string
}

func (e *DiffersError) Error() string {
	return fmt.Sprintf("%s was made with %s %q, now it is %q: take a new folder, or the old %s", e.Dir, e.Name, e.Was, e.Now, e.Name)
}

// agree is a *DiffersError if a condition of what is in a folder differs.
func (c Conditions) agree(now Conditions, dir string) error {
	for _, name := range slices.Sorted(maps.Keys(now)) {
		if was, ok := c[name]; ok && was != now[name] {
			return &DiffersError{dir, name, was, now[name]}
		}
	}
	return nil
}
