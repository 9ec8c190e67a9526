// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"testing"

	"lastpage/capture/wire"
)

// One byte, one ns or one more byte are another wire: a kernel that hangs with it is not judged by fast-forward.
func TestSameWire(t *testing.T) {
	line := func(text string, ends ...int64) *wire.Log {
		l := wire.NewLog(wire.Virtual, wire.Frame{Baud: 115200, Bits: 10})
		if err := l.Append([]byte(text), ends...); err != nil {
			t.Fatal(err)
		}
		return l
	}
	fast := line("ab", 1000, 2000)
	for _, c := range []struct {
		plain *wire.Log
		want  bool
	}{
		{line("ab", 1000, 2000), true},
		{line("ac", 1000, 2000), false},
		{line("ab", 1000, 2001), false},
		{line("a", 1000), false},
		{line("abc", 1000, 2000, 3000), false},
	} {
		if got := same(fast, c.plain); got != c.want {
			t.Errorf("%q: same %v, want %v", c.plain.Bytes(0, c.plain.Len()), got, c.want)
		}
	}
}
