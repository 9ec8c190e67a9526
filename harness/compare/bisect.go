// SPDX-License-Identifier: Apache-2.0

package compare

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"lastpage/harness"
	"lastpage/harness/gate"
)

// BisectSchema names the form of bisect.json.
const BisectSchema = "lastpage.bisect/1"

// BisectName is the file of a bisection in its folder.
const BisectName = "bisect.json"

// Mark is what a bisection makes of a commit.
type Mark string

// The marks, in git's words.
const (
	Good Mark = "good" // no worse than the good commit
	Bad  Mark = "bad"  // worse
	Skip Mark = "skip" // nobody knows: it does not build, does not come to its trial, or its verdict is open
)

// Bisect is bisect.json: the commits of a tree that were tried, and the first one whose verdict changed.
type Bisect struct {
	Schema     string        `json:"schema"`
	Status     string        `json:"status"`
	Made       string        `json:"made_by"`
	Command    string        `json:"command"`
	Conditions Conditions    `json:"conditions"`
	Started    time.Time     `json:"started"`
	Finished   *time.Time    `json:"finished"`
	Tree       string        `json:"tree"`
	Good       string        `json:"good"` // commits, whole
	Bad        string        `json:"bad"`
	Range      int           `json:"range"` // commits after good, up to bad
	Board      string        `json:"board"`
	Mode       string        `json:"mode"`
	Baud       int           `json:"baud"`
	CPUs       int           `json:"cpus"`
	Ensemble   Ensemble      `json:"ensemble"` // of each commit
	Policy     *gate.Policy  `json:"policy"`
	Steps      []*BisectStep `json:"steps"` // in the order in which they were tried: good, bad, and those that git chose
	// First is the first bad commit; null: it was not found, and Why says why.
	First *FirstBad `json:"first_bad"`
	Why   string    `json:"why"`
	// Among are the commits of which one is the first bad one, where those between could not be judged.
	Among []string `json:"first_bad_among"`

	out *Folder
}

// BisectStep is one commit that was tried.
type BisectStep struct {
	Commit  string `json:"commit"`
	Subject string `json:"subject"`
	Mark    Mark   `json:"mark"`
	Why     string `json:"why"`
	// Same is an earlier commit whose kernel is equal byte for byte, so that this one was not tried; "": it was.
	Same   string         `json:"same_kernel_as"`
	Image  string         `json:"image"` // as of a gate's variant; "": it does not build
	Make   time.Duration  `json:"make_ns"`
	Try    time.Duration  `json:"try_ns"`
	Grades []*BisectGrade `json:"grades"`
	// Tried counts trials, Void those of them that do not count.
	Tried int `json:"tried"`
	Void  int `json:"void"`
}

// BisectGrade is a commit in one scenario: its worst letter, and in how many courses it came out.
type BisectGrade struct {
	Scenario string `json:"scenario"`
	Letter   string `json:"letter"` // "": no course has one
	Courses  int    `json:"courses"`
	Of       int    `json:"of"`  // courses that have a letter
	Dir      string `json:"dir"` // of one such trial
}

// FirstBad is the first bad commit beside the good one before it.
type FirstBad struct {
	Commit string  `json:"commit"`
	Before string  `json:"before"` // the good commit that Flips compare it with
	Why    string  `json:"why"`
	Flips  []*Flip `json:"flips"`
}

// Begin takes the bisection's folder: one that is there must have been made under the same conditions.
func (b *Bisect) Begin(o *GateOrder) error {
	b.Schema, b.Status, b.Made, b.Started, b.out = BisectSchema, harness.Unfinished, harness.Version(), time.Now().UTC(), o.Out
	b.Policy, b.Ensemble, b.Steps, b.Among = o.Policy, o.Ensemble, []*BisectStep{}, []string{}
	c := conditions(&harness.Series{Shape: o.Shape})
	o.Ensemble.conditions(c)
	policy, err := json.Marshal(o.Policy)
	if err != nil {
		return err
	}
	var names []string
	for _, sc := range o.Scenarios {
		names = append(names, strings.TrimSpace(sc.Name+" "+sc.Digest))
	}
	c["policy"], c["scenarios"], c["courses"], c["board"], c["baud"] = string(policy), strings.Join(names, ","), fmt.Sprint(o.Ensemble.Courses), b.Board, fmt.Sprint(b.Baud)
	for name, v := range b.Conditions {
		c[name] = v
	}
	c["good"], c["bad"], b.Conditions = b.Good, b.Bad, c
	var old Bisect
	found, err := o.Out.load(BisectName, &old, BisectSchema, func() string { return old.Schema })
	if err != nil {
		return err
	}
	if found {
		if err := old.Conditions.agree(c, o.Out.Dir); err != nil {
			return err
		}
		b.Started = old.Started
	}
	return b.save()
}

// Add keeps what became of a commit.
func (b *Bisect) Add(s *BisectStep, t *Tried) error {
	s.Grades = []*BisectGrade{}
	if t != nil {
		for i, row := range t.Rows {
			g := &BisectGrade{Scenario: t.orders[i].Scenario.Name}
			if kinds := row.Kinds(); len(kinds) > 0 {
				k := kinds[0]
				g.Letter, g.Courses, g.Of, g.Dir = k.Letter, k.Courses, k.Of, k.Dir
			}
			s.Grades = append(s.Grades, g)
			for _, c := range row.Courses {
				side := side(c, len(c.Trials))
				s.Tried, s.Void = s.Tried+side.Tried, s.Void+side.Void
			}
			b.Mode, b.CPUs = row.Mode, row.CPUs
		}
	}
	b.Steps = append(b.Steps, s)
	return b.save()
}

// Step finds a commit among those that were tried; nil if it was not.
func (b *Bisect) Step(commit string) *BisectStep {
	for _, s := range b.Steps {
		if s.Commit == commit {
			return s
		}
	}
	return nil
}

// End keeps what came of it all.
func (b *Bisect) End(why string, first *FirstBad, among []string) error {
	now := time.Now().UTC()
	b.Why, b.First, b.Status, b.Finished = why, first, harness.Finished, &now
	if among != nil {
		b.Among = among
	}
	return b.save()
}

func (b *Bisect) save() error { return harness.WriteJSON(filepath.Join(b.out.Dir, BisectName), b) }
