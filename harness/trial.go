// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"fmt"
	"slices"
	"time"

	"lastpage/capture/wire"
	"lastpage/dut"
	"lastpage/harness/grade"
	"lastpage/kernels/plan"
)

// TrialSchema names the form of trial.json. Fields may be added under the same number; a change of meaning takes a new one.
const TrialSchema = "lastpage.trial/1"

// Status of a trial's folder.
const (
	Unfinished = "unfinished" // the harness is at work on it, or died at it
	Finished   = "finished"
)

// Trial is trial.json.
type Trial struct {
	Schema   string            `json:"schema"`
	Status   string            `json:"status"`
	Order    Order             `json:"asked"`
	Made     string            `json:"made_by,omitempty"` // which lastpage
	Started  time.Time         `json:"started"`           // host's clock
	Finished *time.Time        `json:"finished"`          // host's clock
	Clock    wire.Clock        `json:"clock"`             // of every ns in this file and in wire.idx
	Mode     string            `json:"mode,omitempty"`
	Start    dut.Start         `json:"start,omitzero"`
	Facts    map[string]string `json:"facts"` // versions of everything that could change a result
	Armed    *plan.Message     `json:"armed"` // what the guest read back before it began; null: it never did
	Said     []plan.Message    `json:"said,omitempty"`
	Events   []dut.Event       `json:"events"`
	Fired    []dut.Firing      `json:"fired"`
	End      *dut.End          `json:"end"`
	// Provoked is the moment from which everything is counted; null: it never came.
	Provoked *dut.Moment  `json:"provoked"`
	RingWhy  string       `json:"ring_why,omitempty"` // why there is no ring.elf
	Audit    dut.Audit    `json:"audit"`
	Lacks    []string     `json:"lacks,omitempty"` // what the board could not do or say
	Void     []string     `json:"void"`            // why this trial must not be graded; the audit's and the harness's own
	Grade    *grade.Grade `json:"grade"`

	dir     string
	heard   bool // the board had a second channel
	unarmed bool // its kernel never came to its trial, and it is void for that
}

// Dir is the trial's folder.
func (t *Trial) Dir() string { return t.dir }

// IsVoid says whether the trial must not count.
func (t *Trial) IsVoid() bool { return len(t.Void) > 0 || t.Grade == nil || len(t.Grade.Void) > 0 }

// Reasons are all reasons for which the trial is void.
func (t *Trial) Reasons() []string {
	if t.Grade != nil {
		return t.Grade.Void
	}
	return t.Void
}

// ModeOr is how the wire was made, as the board said; or, if it did not say, otherwise.
func (t *Trial) ModeOr(otherwise string) string {
	if t.Mode != "" {
		return t.Mode
	}
	if m := t.Facts["mode"]; m != "" { // trials before it was a field
		return m
	}
	return otherwise
}

// fired returns the firing of a named trigger; ok is false if it has not fired.
func (t *Trial) fired(name string) (dut.Firing, bool) {
	for _, f := range t.Fired {
		if f.Name == name && f.Fired {
			return f, true
		}
	}
	return dut.Firing{}, false
}

// Overdue says in a clause what a machine did not come to in the time that its trial was given; "" if it came to its end, or if the harness may
// have a part in it.
func (t *Trial) Overdue() string {
	if _, late := t.fired(trigTooLong); !late || t.Armed == nil || len(t.Audit.Void) > 0 {
		return ""
	}
	given := time.Duration(0)
	for _, tr := range t.Order.Triggers {
		if tr.Name == trigTooLong {
			given = time.Duration(tr.N).Round(time.Second)
		}
	}
	within := fmt.Sprintf("within %s of the machine's time", given)
	if _, provoked := t.fired(trigProvoke); !provoked {
		return "nothing was provoked " + within + ", though it was armed"
	}
	if slices.ContainsFunc(t.Order.Triggers, func(tr dut.Trigger) bool { return tr.Name == trigDone }) {
		if _, done := t.fired(trigDone); !done {
			return "what was provoked did not end " + within
		}
	}
	return "the line was not silent " + within
}

// Injected is the moment of the interruption; ok is false if there was none.
func (t *Trial) Injected() (m dut.Moment, ok bool) {
	f, ok := t.fired(trigInject)
	return f.Moment, ok
}
