// SPDX-License-Identifier: Apache-2.0

package results

import (
	"encoding/json"
	"fmt"
	"io"
)

// patchworkCheck is what Patchwork's API takes at /patches/ID/checks/: one check for everything.
type patchworkCheck struct {
	State       string `json:"state"`
	Context     string `json:"context"`
	Description string `json:"description"`
}

// Patchwork's states, by what became of a case. What is not known or the lab's fault is a warning, never a failure.
var patchworkStates = map[Status]string{Fail: "fail", Error: "warning", Miss: "warning"}

// mostDescription bounds the text, in characters: Patchwork shows it in one line.
const mostDescription = 240

// writePatchwork writes the worst case, and how many are as bad. Where nothing was tried that is a warning.
func writePatchwork(w io.Writer, s *Suite) error {
	c := patchworkCheck{State: "success", Context: "lastpage-" + s.Name}
	count := map[string]int{}
	rank := map[string]int{"": 0, "success": 1, "warning": 2, "fail": 3}
	tried, worst := 0, ""
	for _, x := range s.Cases {
		state := patchworkStates[x.Status]
		if state == "" {
			state = "success"
		}
		if x.Status != Skip {
			tried++
		}
		if count[state]++; rank[state] > rank[worst] {
			worst, c.Description = state, sentence("%s: %s: %s", x.Group, x.Name, x.Why)
		}
	}
	c.State = worst
	if tried == 0 {
		c.State, c.Description = "warning", "nothing was tried: "+c.Description
	} else if n := count[worst]; n > 1 {
		c.Description += fmt.Sprintf(" (%d of %d results are as this one)", n, len(s.Cases))
	}
	if r := []rune(c.Description); len(r) > mostDescription {
		c.Description = string(r[:mostDescription-1]) + "~"
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(c)
}
