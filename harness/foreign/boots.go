// SPDX-License-Identifier: Apache-2.0

package foreign

import (
	"bytes"
	"regexp"
	"slices"

	"lastpage/capture/ring"
	"lastpage/harness/align"
)

// banner is the first thing that most kernels say (linux_banner in init/version-timestamp.c).
var banner = regexp.MustCompile(`^Linux version (\S+) \(`)

// lateStart is the time up to which a line can be of a kernel's beginning, and howMuch the time must run back for that, ns.
const (
	lateStart = 2e9
	howMuch   = 1e9
)

// boots splits the lines where a kernel begins: at its banner, or where time runs back to the beginning. What user space, panic_print or a
// console's replay prints once more is no boot: its lines are there already, with their times.
func (x *Exam) boots() {
	before := map[string]bool{} // timed lines of the boot at work
	var past []int64            // its last times
	begin := -1                 // of the boot at work
	first := -1                 // first line of a kernel
	open := func(i int) {
		if begin >= 0 {
			x.addBoot(begin, i)
		}
		begin = i
	}
	for i := range x.lines {
		l := &x.lines[i]
		ns := l.ns
		isBanner := l.banner() != nil
		if first < 0 && (l.prefix > 0 || isBanner) {
			first = i
			if i == 1 {
				first = 0 // the end of a line of which the capture lost the beginning
			}
			open(first)
		} else if (isBanner && begin >= 0 && i > begin+earlyLines || ns >= 0 && x.backAt(i, past)) && !x.again(i, before) {
			open(x.lead(i, begin))
			clear(before)
			past = past[:0]
		}
		if ns >= 0 {
			if ns > 0 {
				before[string(l.text)] = true
			}
			if past = append(past, ns); len(past) > several {
				past = past[1:]
			}
		}
	}
	if begin >= 0 {
		x.addBoot(begin, len(x.lines))
		x.Before = x.lines[first].start
	}
}

// several is over how many lines time is looked at: one line may be damaged.
const several = 9

// backAt says whether time runs back to a beginning at line i: the lines before are all in all later than those that follow.
func (x *Exam) backAt(i int, past []int64) bool {
	if len(past) < 3 {
		return false
	}
	now := x.lines[i].ns
	if now >= lateStart || past[len(past)-1] <= now {
		return false
	}
	var next []int64
	for k := i; k < len(x.lines) && k < i+10*several && len(next) < several; k++ {
		if ns := x.lines[k].ns; ns >= 0 {
			next = append(next, ns)
		}
	}
	then, later := middle(past), middle(next)
	return later < lateStart && then > later+howMuch
}

func middle(ns []int64) int64 {
	s := slices.Sorted(slices.Values(ns))
	return s[len(s)/2]
}

// earlyLines is how many lines a kernel may print before its banner (arm64 says on which CPU it boots).
const earlyLines = 8

// lead is where the boot begins whose banner is line i: a few lines with time zero may precede it.
func (x *Exam) lead(i, begin int) int {
	for k := i - 1; k > begin && k >= i-earlyLines; k-- {
		if l := &x.lines[k]; l.prefix == 0 || l.ns != 0 {
			break
		}
		i = k
	}
	return i
}

// again says whether the lines from i on were on the wire before: of those with a time that is not zero, most of the next ones.
func (x *Exam) again(i int, before map[string]bool) bool {
	seen, of := 0, 0
	for k := i; k < len(x.lines) && k < i+2000 && of < 40; k++ {
		if x.lines[k].ns > 0 {
			of++
			if before[string(x.lines[k].text)] {
				seen++
			}
		}
	}
	return of > 0 && seen*2 > of
}

func (x *Exam) addBoot(from, to int) {
	b := Boot{start: from, end: to, Start: x.lines[from].start, End: x.lines[to-1].end}
	for i := from; i < to; i++ {
		l := &x.lines[i]
		if b.banner == "" {
			if m := l.banner(); m != nil {
				b.banner, b.Release = string(l.said()), string(m[1])
			}
		}
		b.Panics = b.Panics || bytes.HasPrefix(l.said(), []byte("Kernel panic - not syncing"))
	}
	x.Boots = append(x.Boots, b)
}

// choose finds the boot that the dump is of: the one that has most of its records.
func (x *Exam) choose(recs []ring.Record) {
	if len(x.Boots) == 0 {
		return
	}
	x.Judged = len(x.Boots) - 1
	if len(recs) > 0 {
		x.Judged = x.best(recs)
	}
	panics := 0
	for _, b := range x.Boots {
		if b.Panics {
			panics++
		}
	}
	if n := len(x.Boots); n > 1 {
		b := x.Boots[max(x.Judged, 0)]
		x.note("%d boots on the wire, %d of them panic; boot %d is judged, bytes %d to %d; the other %d bytes belong to the others or precede them",
			n, panics, x.Judged+1, b.Start, b.End, x.Bytes-(b.End-b.Start))
		if panics == n && n > 2 {
			x.note("every boot ends in a panic: a reboot loop")
		}
	}
}

// best counts in each boot the records of the dump. Where times are on the wire, a record counts only with its time.
func (x *Exam) best(recs []ring.Record) int {
	want := map[string]bool{}
	timed := x.timed()
	for i := range recs {
		r := &recs[i]
		if !r.State.Stored() || len(r.Text) == 0 {
			continue
		}
		line := ring.ConsoleText(r, ring.ConsoleOpts{Time: timed})
		want[string(firstLine(line))] = true
	}
	best, second := 0, 0
	for i := range x.Boots {
		b := &x.Boots[i]
		found := map[string]bool{}
		for k := b.start; k < b.end; k++ {
			if t := x.lines[k].plain(timed); want[string(t)] {
				found[string(t)] = true
			}
		}
		b.Records = len(found)
	}
	for i := range x.Boots {
		if x.Boots[i].Records > x.Boots[best].Records {
			best = i
		}
	}
	for i := range x.Boots {
		if i != best {
			second = max(second, x.Boots[i].Records)
		}
	}
	if len(x.Boots) > 1 && second > 0 && x.Boots[best].Records-second < 3 {
		x.void("%d boots are on the wire, and the dump fits two of them alike (%d and %d of its records): which of them it is of cannot be told",
			len(x.Boots), x.Boots[best].Records, second)
	}
	return best
}

// timed says whether most of the kernel's lines carry a time.
func (x *Exam) timed() bool {
	with, all := 0, 0
	for i := range x.lines {
		if l := &x.lines[i]; l.prefix > 0 {
			all++
			if l.timed {
				with++
			}
		}
	}
	return with > 0 && with*2 >= all
}

// plain is a line with its time alone, or without any prefix.
func (l *line) plain(timed bool) []byte {
	if !timed || !l.timed {
		return l.said()
	}
	at := bytes.IndexByte(l.text, '[')
	k, _ := align.Stamp(l.text[at:])
	if at == 0 && k+1 == l.prefix {
		return l.text
	}
	return append(append(bytes.Clone(l.text[at:at+k]), ' '), l.said()...)
}

// banner finds a kernel's banner in a line; nil if it has none.
func (l *line) banner() [][]byte {
	if said := l.said(); bytes.HasPrefix(said, []byte("Linux version ")) {
		return banner.FindSubmatch(said)
	}
	return nil
}
