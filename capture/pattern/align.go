// SPDX-License-Identifier: Apache-2.0

package pattern

import (
	"encoding/binary"
	"slices"
)

// Limits of an exact comparison: cells of its table, and the length of what is looked for where the table would be larger.
const (
	maxCells  = 4 << 20
	seedBytes = 8
)

// free are edits that cost nothing in a comparison.
type free struct {
	head bool // bytes that came before the first one that was sent
	tail bool // bytes that came after the last one
	open bool // what was sent last and has not come yet
}

// edit is a run of equal steps from what was sent to what came.
type edit struct {
	kind       byte // '=', 'x' changed, '-' lost, '+' came and was not sent, '?' unlike: both were taken together
	sent, came int  // bytes
}

// edits is the cheapest way from sent to came, where a byte that was lost, changed or inserted costs 1.
func edits(sent, came []byte, f free) (all []edit) {
	switch {
	case len(sent) == 0 && len(came) == 0:
		return nil
	case len(sent) == 0:
		return []edit{{'+', 0, len(came)}}
	case len(came) == 0:
		return []edit{{'-', len(sent), 0}}
	case (len(sent)+1)*(len(came)+1) <= maxCells:
		return table(sent, came, f)
	}
	return seeded(sent, came, f)
}

// table compares by dynamic programming. Of equally cheap ways it takes the one whose edits lie earliest, and beside a free end the one that
// changes least.
func table(sent, came []byte, f free) []edit {
	m, n := len(sent), len(came)
	step := make([]byte, (m+1)*(n+1))
	prev, row := make([]int32, n+1), make([]int32, n+1)
	for j := 1; j <= n; j++ {
		step[j] = '+'
		if prev[j] = int32(j); f.head {
			prev[j] = 0
		}
	}
	best, bi, bj := int32(1<<30), m, n
	look := func(i int) {
		if f.open && prev[n] < best {
			best, bi, bj = prev[n], i, n
		}
	}
	look(0)
	for i := 1; i <= m; i++ {
		row[0], step[i*(n+1)] = int32(i), '-'
		for j := 1; j <= n; j++ {
			cost, s := prev[j-1]+1, byte('x')
			if sent[i-1] == came[j-1] {
				cost, s = cost-1, '='
			}
			if c := prev[j] + 1; c < cost || c == cost && f.head && s == 'x' {
				cost, s = c, '-'
			}
			if c := row[j-1] + 1; c < cost {
				cost, s = c, '+'
			}
			row[j], step[i*(n+1)+j] = cost, s
		}
		prev, row = row, prev
		look(i)
	}
	if f.tail {
		for j := 0; j <= n; j++ {
			if prev[j] < best {
				best, bi, bj = prev[j], m, j
			}
		}
	}
	var back []edit
	put := func(kind byte, sent, came int) {
		if k := len(back) - 1; k >= 0 && back[k].kind == kind {
			back[k].sent += sent
			back[k].came += came
		} else if sent+came > 0 {
			back = append(back, edit{kind, sent, came})
		}
	}
	put('+', 0, n-bj)
	for i, j := bi, bj; i > 0 || j > 0; {
		switch s := step[i*(n+1)+j]; s {
		case '-':
			put(s, 1, 0)
			i--
		case '+':
			put(s, 0, 1)
			j--
		default:
			put(s, 1, 1)
			i, j = i-1, j-1
		}
	}
	slices.Reverse(back)
	return back
}

// seeded cuts what is too long for a table at stretches of seedBytes that are in both, each once in what was sent, in the same order.
func seeded(sent, came []byte, f free) (all []edit) {
	i, j := 0, 0
	cut := chain(sent, came)
	for _, c := range cut {
		if c[0] < i || c[1] < j {
			continue
		}
		all = append(all, part(sent[i:c[0]], came[j:c[1]], free{head: f.head && i == 0 && j == 0})...)
		i, j = c[0], c[1]
		for i < len(sent) && j < len(came) && sent[i] == came[j] {
			i, j = i+1, j+1
		}
		all = append(all, edit{'=', i - c[0], j - c[1]})
	}
	return append(all, part(sent[i:], came[j:], free{head: f.head && len(cut) == 0, tail: f.tail, open: f.open})...)
}

// part is edits without another attempt to cut.
func part(sent, came []byte, f free) []edit {
	if len(sent) > 0 && len(came) > 0 && (len(sent)+1)*(len(came)+1) > maxCells {
		return []edit{{'?', len(sent), len(came)}}
	}
	return edits(sent, came, f)
}

// chain are pairs of offsets of equal stretches, ascending in both: the longest such list.
func chain(sent, came []byte) (pairs [][2]int) {
	at := make(map[uint64]int32, len(sent))
	for i := 0; i+seedBytes <= len(sent); i++ {
		w := binary.LittleEndian.Uint64(sent[i:])
		if _, twice := at[w]; twice {
			at[w] = -1
		} else {
			at[w] = int32(i)
		}
	}
	type seed struct{ i, j, before int }
	var seeds []seed
	var ends []int // of the best list of each length: its last seed
	for j := 0; j+seedBytes <= len(came); j++ {
		i, ok := at[binary.LittleEndian.Uint64(came[j:])]
		if !ok || i < 0 {
			continue
		}
		k, _ := slices.BinarySearchFunc(ends, int(i), func(e, i int) int { return seeds[e].i - i })
		s := seed{int(i), j, -1}
		if k > 0 {
			s.before = ends[k-1]
		}
		if seeds = append(seeds, s); k == len(ends) {
			ends = append(ends, len(seeds)-1)
		} else {
			ends[k] = len(seeds) - 1
		}
	}
	if len(ends) == 0 {
		return nil
	}
	for k := ends[len(ends)-1]; k >= 0; k = seeds[k].before {
		pairs = append(pairs, [2]int{seeds[k].i, seeds[k].j})
	}
	slices.Reverse(pairs)
	return pairs
}
