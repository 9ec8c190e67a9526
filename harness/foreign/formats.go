// SPDX-License-Identifier: Apache-2.0

package foreign

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"lastpage/capture/ring"
	"lastpage/harness/align"
)

// render makes the judged boot's bytes as a UART sends them.
func (x *Exam) render() {
	if x.Judged < 0 {
		return
	}
	b := x.Boots[x.Judged]
	n := 0
	for i := b.start; i < b.end; i++ {
		n += len(x.lines[i].text) + 2
	}
	x.Text = make([]byte, 0, n)
	for i := b.start; i < b.end; i++ {
		l := &x.lines[i]
		x.Text = append(x.Text, l.text...)
		if l.ended {
			x.Text = append(x.Text, '\r', '\n')
		}
	}
	x.Followed = x.Judged < len(x.Boots)-1
	x.Broken = x.Broken && !x.Followed
}

// Origin is the offset in the file of an offset in Text.
func (x *Exam) Origin(at int64) int64 {
	if x.Judged < 0 {
		return at
	}
	b := x.Boots[x.Judged]
	for i := b.start; i < b.end; i++ {
		l := &x.lines[i]
		n := int64(len(l.text))
		if l.ended {
			n += 2
		}
		if at < n {
			return min(l.start+at, l.end)
		}
		at -= n
	}
	return b.End
}

// leastRow is how many records in a row must have another format before it is believed.
const leastRow = 3

// formats finds the usual format and, of the records that are not there in it, those that are there in another one: printk.time can be
// switched while the machine runs.
func (x *Exam) formats(recs []ring.Record) {
	x.Opts, _, _ = align.Detect(x.Text, recs)
	x.Opts.CRLF = true
	if len(recs) == 0 {
		return
	}
	lines := map[string]bool{}
	for i := range x.lines {
		lines[string(x.lines[i].text)] = true
	}
	is := func(r *ring.Record, o ring.ConsoleOpts) bool {
		o.CRLF = false
		return lines[string(firstLine(ring.ConsoleText(r, o)))]
	}
	format := make([]ring.ConsoleOpts, len(recs))
	row := make([]int, 0, leastRow) // records in a row that are there in the other format only
	var other ring.ConsoleOpts
	count := map[string]int{}
	changed := false
	settle := func() {
		if len(row) >= leastRow {
			for _, i := range row {
				format[i], changed = other, true
				count[prefixName(other)]++
				count[prefixName(x.Opts)]--
			}
		}
		row = row[:0]
	}
	for i := range recs {
		r := &recs[i]
		format[i] = x.Opts
		if !r.State.Stored() || len(r.Text) == 0 {
			continue
		}
		if is(r, x.Opts) {
			settle()
			count[prefixName(x.Opts)]++
			continue
		}
		o, ok := x.elsewhere(r, is)
		if !ok {
			continue // not there at all: it ends no row
		}
		if len(row) > 0 && o != other {
			settle()
		}
		other = o
		row = append(row, i)
		count[prefixName(x.Opts)]++
	}
	settle()
	if !changed {
		return
	}
	// A record that is not there has the format of the one before it.
	for i := 1; i < len(recs); i++ {
		if format[i] == x.Opts && format[i-1] != x.Opts && !is(&recs[i], x.Opts) {
			format[i] = format[i-1]
		}
	}
	x.Formats = format
	x.Capture.Formats = map[string]int{}
	for name, n := range count {
		if n > 0 {
			x.Capture.Formats[name] = n
		}
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(x.Capture.Formats)) {
		parts = append(parts, fmt.Sprintf("%d records %s", x.Capture.Formats[name], name))
	}
	x.note("the format of the lines changes in the middle: %s", strings.Join(parts, ", "))
}

func (x *Exam) elsewhere(r *ring.Record, is func(*ring.Record, ring.ConsoleOpts) bool) (ring.ConsoleOpts, bool) {
	for k := 7; k >= 0; k-- {
		o := ring.ConsoleOpts{Time: k&1 != 0, Caller: k&2 != 0, Syslog: k&4 != 0, CRLF: true}
		if o != x.Opts && is(r, o) {
			return o, true
		}
	}
	return x.Opts, false
}

func prefixName(o ring.ConsoleOpts) string {
	s := ""
	for _, f := range []struct {
		on   bool
		name string
	}{{o.Syslog, "level"}, {o.Time, "time"}, {o.Caller, "caller"}} {
		if !f.on {
			continue
		}
		if s != "" {
			s += " and "
		}
		s += f.name
	}
	if s == "" {
		return "without a prefix"
	}
	return "with " + s
}
