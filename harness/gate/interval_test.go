// SPDX-License-Identifier: Apache-2.0

package gate

import "testing"

func TestWilson(t *testing.T) {
	// Values of the score interval from Newcombe, Statistics in Medicine 17 (1998), table I (81/263, 15/148, 0/20, 1/29).
	for _, c := range []struct {
		k, n   int
		lo, hi float64
	}{{81, 263, 0.2553, 0.3662}, {15, 148, 0.0624, 0.1605}, {0, 20, 0, 0.1611}, {1, 29, 0.0061, 0.1718}} {
		in := Wilson(c.k, c.n)
		lo, hi := in.Low, in.High
		if lo < c.lo-0.0001 || lo > c.lo+0.0001 || hi < c.hi-0.0001 || hi > c.hi+0.0001 {
			t.Errorf("%d of %d: %.4f..%.4f, want %.4f..%.4f", c.k, c.n, lo, hi, c.lo, c.hi)
		}
	}
}
