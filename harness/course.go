// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"fmt"
	"math/rand/v2"
)

// Course is one draw of what differs from one boot of a machine to the next. An exact trial repeats itself, so trials of one course are one
// draw however many there are: the unit of every count, interval and letter is the course.
//
// The distribution: Entropy is uniform over 64 bits; ClockS uniform over a day; StartUS uniform over 50 ms, which is 12 ticks of 4 ms and
// beyond; Noise uniform over its 4095 values. All are drawn by PCG (math/rand/v2) from the ensemble's seed and the course's number, so
// that the ensemble as a whole repeats.
type Course struct {
	N    int    `json:"n"`    // counts from 1
	Seed uint64 `json:"seed"` // of the ensemble
	How  How    `json:"how"`

	Entropy uint64 `json:"entropy,omitempty"`  // boot: seed of every random number that the machine can get from outside
	ClockS  uint32 `json:"clock_s,omitempty"`  // boot: its clock is later by so much at power-on, s
	StartUS uint32 `json:"start_us,omitempty"` // the plan starts so much later
	// Noise, of branch: seed of a few printk() and pauses on CPUs and at moments drawn from it, before the plan starts; 0: none.
	Noise uint16 `json:"noise,omitempty"`
}

// How says how courses come to differ.
type How string

const (
	// Booted: the machine boots for every course, with entropy, a clock and a start of its own.
	Booted How = "boot"
	// Branched: all courses begin at one armed snapshot, and are disturbed from there.
	Branched How = "branch"
	// OwnWay: the board makes another course of each trial by itself, and nothing is set: true concurrency, real hardware.
	OwnWay How = "own"
)

// Hows are all of them.
var Hows = []How{Booted, Branched, OwnWay}

const (
	daySeconds = 24 * 60 * 60
	startRange = 50_000 // us
	noiseRange = 1<<12 - 1
)

// Draw is the n-th course (from 1) of an ensemble.
func Draw(seed uint64, n int, how How) *Course {
	c := &Course{N: n, Seed: seed, How: how}
	r := rand.New(rand.NewPCG(seed, uint64(n)))
	entropy, clock, start, noise := r.Uint64(), r.Uint32N(daySeconds), r.Uint32N(startRange), uint16(1+r.Uint32N(noiseRange))
	switch how {
	case Booted:
		c.Entropy, c.ClockS, c.StartUS = max(1, entropy), clock, start
	case Branched:
		c.StartUS, c.Noise = start, noise
	}
	return c
}

// Word is what the guest reads of the course: start in the low 20 bits (us), noise in the high 12.
func (c *Course) Word() uint32 {
	if c == nil {
		return 0
	}
	return c.StartUS | uint32(c.Noise)<<20
}

func (c *Course) String() string { return fmt.Sprintf("course %d", c.N) }
