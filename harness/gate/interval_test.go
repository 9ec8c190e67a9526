// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"math"
	"testing"

	"lastpage/harness/grade"
)

func TestShare(t *testing.T) {
	// Exact intervals from Newcombe, Statistics in Medicine 17 (1998), table I, method 5 (81/263, 15/148, 0/20, 1/29).
	for _, c := range []struct {
		k, n   int
		lo, hi float64
	}{{81, 263, 0.2527, 0.3676}, {15, 148, 0.0578, 0.1617}, {0, 20, 0, 0.1684}, {1, 29, 0.0009, 0.1776}, {3, 6, 0.1181, 0.8819}, {6, 6, 0.5407, 1}} {
		in := Share(c.k, c.n)
		if math.Abs(in.Low-c.lo) > 0.0001 || math.Abs(in.High-c.hi) > 0.0001 {
			t.Errorf("%d of %d: %.4f..%.4f, want %.4f..%.4f", c.k, c.n, in.Low, in.High, c.lo, c.hi)
		}
	}
}

func TestDiffer(t *testing.T) {
	// Fisher's tea-tasting table (3 of 4 against 1 of 4: 0.4857), and the extremes.
	for _, c := range []struct {
		k, n, l, m int
		p          float64
	}{{3, 4, 1, 4, 0.4857}, {4, 4, 0, 4, 0.0286}, {5, 10, 5, 10, 1}, {0, 30, 0, 30, 1}, {30, 30, 0, 30, 0}} {
		if p := Differ(c.k, c.n, c.l, c.m); math.Abs(p-c.p) > 0.0001 {
			t.Errorf("%+v: p %.4f", c, p)
		}
	}
}

// A grade without a letter neither passes nor fails, whatever is required.
func TestRequire(t *testing.T) {
	for _, c := range []struct {
		letter, want string
		void         []string
		is           Verdict
	}{{"A", "A", nil, Pass}, {"B", "C", nil, Pass}, {"F", "A", nil, Fail}, {"D", "C", nil, Fail}, {"", "F", nil, Unknown}, {"", "A", nil, Unknown},
		{"A", "F", []string{"overrun"}, Unknown}} {
		if v := Require(&grade.Grade{Letter: c.letter, Void: c.void}, c.want); v != c.is {
			t.Errorf("%q, required %q: %v", c.letter, c.want, v)
		}
	}
	if CheckLetter("B") != nil || CheckLetter("") == nil || CheckLetter("Z") == nil {
		t.Error("letters")
	}
}
