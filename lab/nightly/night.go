// SPDX-License-Identifier: Apache-2.0

// Package nightly tries the boards of an inventory while nobody looks: each is leased, checked part by part, and tried in a small matrix of
// strategies and scenarios.
//
// Data comes in as an Order and goes out as a Night: for each board what its parts say, how many trials were graded, void, or failed by the
// lab, and why. A board that fails does not stop the others.
package nightly

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"lastpage/harness"
	"lastpage/harness/compare"
	"lastpage/harness/gate"
	"lastpage/lab/kind"
)

// Schema names the form of nightly.json.
const Schema = "lastpage.nightly/1"

// Name is the file of a night in its folder.
const Name = "nightly.json"

// Night is nightly.json.
type Night struct {
	Schema   string     `json:"schema"`
	Status   string     `json:"status"`
	Made     string     `json:"made_by"`
	Require  string     `json:"require"` // the letter that is required; "": none
	Started  time.Time  `json:"started"`
	Finished *time.Time `json:"finished"`
	Boards   []*Board   `json:"boards"`
}

// Board is what became of one board.
type Board struct {
	Name   string         `json:"name"`
	Kind   string         `json:"kind"`
	Fault  string         `json:"fault,omitempty"` // why it was not tried to the end: the lab's
	Parts  []kind.Finding `json:"parts"`           // of the check
	Dir    string         `json:"dir"`             // folder of its matrix
	Graded int            `json:"graded"`          // trials, references among them
	Void   int            `json:"void"`            // trials that do not count
	Failed []string       `json:"failed"`          // why the lab failed, once for each trial that it did
	Why    []Reason       `json:"why"`             // of the void trials, the most frequent first

	matrix *compare.Matrix
}

// Reason is why trials were void.
type Reason struct {
	Why    string `json:"why"`
	Trials int    `json:"trials"`
}

// count counts the trials of the matrix.
func (b *Board) count() {
	b.Graded, b.Void, b.Why = 0, 0, []Reason{}
	if b.matrix == nil {
		return
	}
	for _, c := range b.matrix.Cells {
		b.Graded += len(c.Trials)
		if c.Reference != "" {
			b.Graded++
		}
		b.Void += len(c.Voids)
		for _, v := range c.Voids {
			b.void(strings.Join(v.Why, "; "))
		}
	}
	slices.SortStableFunc(b.Why, func(x, y Reason) int { return y.Trials - x.Trials })
}

func (b *Board) void(why string) {
	for i := range b.Why {
		if b.Why[i].Why == why {
			b.Why[i].Trials++
			return
		}
	}
	b.Why = append(b.Why, Reason{why, 1})
}

// Outcome is what a night comes to.
type Outcome int

// Outcomes, in the order in which one outweighs those before it.
const (
	Passed Outcome = iota
	Unsure         // a scenario has no trial that counts, or none whose letter is known
	LabFailed
	KernelFailed
)

// Outcome is that of the whole night, with the first reason for it.
func (n *Night) Outcome() (out Outcome, why string) {
	take := func(o Outcome, format string, a ...any) {
		if o > out {
			out, why = o, fmt.Sprintf(format, a...)
		}
	}
	for _, b := range n.Boards {
		if b.Fault != "" {
			take(LabFailed, "board %s: %s", b.Name, b.Fault)
		}
		if b.matrix == nil {
			continue
		}
		for _, c := range b.matrix.Cells {
			o, because := n.judge(c)
			take(o, "board %s, %s, %s: %s", b.Name, c.Strategy, c.Scenario, because)
		}
	}
	return out, why
}

// judge is the outcome of one cell.
func (n *Night) judge(c *compare.Cell) (Outcome, string) {
	switch c.Fault {
	case compare.KernelsFault:
		return KernelFailed, c.Why
	case compare.Cannot, compare.NoSymbol:
		return Passed, ""
	case "":
	default:
		return Unsure, c.Why
	}
	if n.Require == "" {
		return Passed, ""
	}
	out, why := Passed, ""
	for _, t := range c.Trials {
		switch gate.Require(t.Grade, n.Require) {
		case gate.Fail:
			return KernelFailed, fmt.Sprintf("%s is graded %s, %s is required", t.Dir, t.Grade.Letter, n.Require)
		case gate.Unknown:
			out, why = Unsure, fmt.Sprintf("%s has no letter (%s), %s is required", t.Dir, t.Grade.Why, n.Require)
		}
	}
	return out, why
}

// save writes what is known so far.
func (n *Night) save(dir string) error { return harness.WriteJSON(filepath.Join(dir, Name), n) }

// first is the first line of an error.
func first(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// errGone ends the tries of a board that fails again and again.
var errGone = errors.New("the lab failed again and again")
