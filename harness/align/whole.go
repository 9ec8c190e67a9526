// SPDX-License-Identifier: Apache-2.0

package align

import "slices"

// wholeLines finds the lines of the wire that are a unit byte for byte. A line
// that can only be one unit is an anchor; one that can be several (blank
// lines, a console without times) goes to the one that fits between its
// neighbours.
func (a *aligner) wholeLines() {
	n := len(a.lines) - 1
	a.lineUnit, a.nextUnit = make([]int32, n), make([]int32, n)
	keys := make(map[string]int32, len(a.img.units))
	var same [][]int32 // units by key, in order
	for u := range a.img.units {
		raw := a.img.units[u].raw
		k, ok := keys[string(raw)]
		if !ok {
			k = int32(len(same))
			keys[string(raw)] = k
			same = append(same, nil)
		}
		same[k] = append(same[k], int32(u))
	}
	lineKey := make([]int32, n)
	for i := range n {
		a.lineUnit[i], lineKey[i] = -1, -1
		if k, ok := keys[string(a.wire[a.lines[i]:a.lines[i+1]])]; ok {
			lineKey[i] = k
			if len(same[k]) == 1 {
				a.lineUnit[i] = same[k][0]
			}
		}
	}
	a.fillNext()
	free := make([]*freeList, len(same))
	prev := int32(-1)
	for i := range n {
		if k := lineKey[i]; k >= 0 && len(same[k]) > 1 {
			if free[k] == nil {
				free[k] = newFreeList(len(same[k]))
			}
			a.lineUnit[i] = choose(same[k], free[k], prev, a.nextUnit[i], len(a.wire[a.lines[i]:a.lines[i+1]]) <= 2)
		}
		if a.lineUnit[i] >= 0 {
			prev = a.lineUnit[i]
			a.wholeOn[prev] = true
		}
	}
	a.fillNext()
}

func (a *aligner) fillNext() {
	next := int32(-1)
	for i := len(a.lineUnit) - 1; i >= 0; i-- {
		a.nextUnit[i] = next
		if a.lineUnit[i] >= 0 {
			next = a.lineUnit[i]
		}
	}
}

// choose picks one of several equal units for a line that lies after unit
// prev and before unit next: the first free one between them, then the first
// free one after prev, then any free one, then a repeat. An empty line is
// only believed where it fits between its neighbours.
func choose(same []int32, free *freeList, prev, next int32, empty bool) int32 {
	at, _ := slices.BinarySearch(same, prev+1)
	i := free.from(at)
	fits := i < len(same) && (next < 0 || next <= prev || same[i] < next)
	switch {
	case empty && !fits:
		return -1
	case i == len(same):
		if i = free.from(0); i == len(same) {
			return same[min(at, len(same)-1)]
		}
	}
	free.take(i)
	return same[i]
}

// freeList finds the first index not taken yet at or after another one, in
// nearly constant time (a union-find whose roots are free).
type freeList struct{ up []int32 }

func newFreeList(n int) *freeList {
	f := &freeList{up: make([]int32, n+1)}
	for i := range f.up {
		f.up[i] = int32(i)
	}
	return f
}

func (f *freeList) from(i int) int {
	root := int32(i)
	for f.up[root] != root {
		root = f.up[root]
	}
	for j := int32(i); f.up[j] != root; {
		f.up[j], j = root, f.up[j]
	}
	return int(root)
}

func (f *freeList) take(i int) { f.up[i] = int32(i + 1) }
