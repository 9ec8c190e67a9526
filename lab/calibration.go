// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"fmt"
	"strings"
	"time"

	"lastpage/dut"
	"lastpage/dut/bench"
	"lastpage/lab/kind"
)

// CalibrationSchema names the form of a Calibration.
const CalibrationSchema = "lastpage.calibration/1"

// Calibration is what a board's line was worth when `boards check` stressed it last. It is kept beside the board's lease.
type Calibration struct {
	Schema string    `json:"schema"`
	Board  string    `json:"board"`
	Line   kind.Line `json:"line"` // another console, or another rate, has not been calibrated
	When   time.Time `json:"when"`
	Kernel string    `json:"kernel"` // release that ran on the board
	bench.Calibration
}

func (c *Calibration) save() error {
	path, err := leaseFile(c.Board, ".calibration")
	if err != nil {
		return err
	}
	return writeJSON(path, c)
}

// Calibrated is the last calibration of a board's line; nil if there is none of this line.
func Calibrated(board string, line kind.Line) (*Calibration, error) {
	path, err := leaseFile(board, ".calibration")
	if err != nil {
		return nil, err
	}
	c := new(Calibration)
	found, err := readJSON(path, c)
	if err != nil || !found || c.Line != line || c.FromBoard == nil || c.FromBoard.Heard == nil {
		return nil, err
	}
	return c, nil
}

// Words tells of it in one line.
func (c *Calibration) Words() string {
	words := func(l string) string { return strings.ReplaceAll(l, "\n", "; ") }
	text := fmt.Sprintf("%s, %s at %d baud: from the board %s", c.When.Format(time.RFC3339), c.Line.Console, c.Line.Baud, words(bench.LineWords(c.FromBoard, c.Line.Baud)))
	if c.ToBoard != nil && c.ToBoard.Heard != nil {
		text += "; to it " + words(bench.LineWords(c.ToBoard, c.Line.Baud))
	}
	return text
}

// calibrated lets a trial's board refer to the last calibration of its line. Where that found that the line loses bytes, the trial is void.
func calibrated(b *dut.Board, name string, line kind.Line) error {
	c, err := Calibrated(name, line)
	if err != nil {
		return err
	}
	if b.Facts == nil {
		b.Facts = map[string]string{}
	}
	if c == nil {
		b.Facts["calibration"] = "none of this line: lastpage boards check " + name + " makes one"
		return nil
	}
	b.Facts["calibration"] = c.Words()
	audit := b.Audit
	b.Audit = func() (a dut.Audit) {
		if audit != nil {
			a = audit()
		}
		if a.Figures == nil {
			a.Figures = map[string]int64{}
		}
		h := c.FromBoard.Heard
		a.Figures["calibration_bytes"] = h.End - h.First
		a.Figures["calibration_lost"], a.Figures["calibration_changed"] = h.Lost, h.Changed
		a.Figures["calibration_doubled"], a.Figures["calibration_inserted"] = h.Doubled, h.Inserted
		if len(c.Faults) > 0 {
			a.Void = append(a.Void, fmt.Sprintf("the line of board %s does not carry what is sent (calibrated %s): %s; lastpage boards check %s must pass before anything is graded on it",
				name, c.When.Format(time.RFC3339), strings.Join(c.Faults, "; "), name))
		}
		return a
	}
	return nil
}
