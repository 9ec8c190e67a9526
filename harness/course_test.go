// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"reflect"
	"testing"
)

// An ensemble repeats itself as a whole, no two of its courses are alike, and every value is within what is said of it.
func TestDraw(t *testing.T) {
	for _, how := range []How{Booted, Branched} {
		seen := map[uint64]bool{}
		for n := 1; n <= 500; n++ {
			c := Draw(1, n, how)
			if !reflect.DeepEqual(c, Draw(1, n, how)) {
				t.Fatalf("%s %d does not repeat", how, n)
			}
			if reflect.DeepEqual(c, Draw(2, n, how)) {
				t.Errorf("%s %d is the same in another ensemble", how, n)
			}
			if c.StartUS >= startRange || c.ClockS >= daySeconds || (how == Branched) != (c.Noise > 0) || (how == Booted) != (c.Entropy > 0) {
				t.Errorf("%+v", c)
			}
			if key := c.Entropy ^ uint64(c.Word()); seen[key] {
				t.Errorf("%s %d was there", how, n)
			} else {
				seen[key] = true
			}
		}
	}
	if c := Draw(1, 3, OwnWay); *c != (Course{N: 3, Seed: 1, How: OwnWay}) || c.Word() != 0 || (*Course)(nil).Word() != 0 {
		t.Errorf("%+v", c)
	}
}
