// SPDX-License-Identifier: Apache-2.0

package grade

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"lastpage/capture/ring"
	"lastpage/harness/align"
)

// The loss injector is the judge of the judge. It takes true logs, renders what a UART sends, and harms that: as loggers do, of which nothing
// may be charged to the kernel, and as kernels do, of which nothing may be excused without a reason.
//
// LASTPAGE_HARMS is how many of each kind are made, 200 without it.
func harms(t *testing.T) int {
	n, err := strconv.Atoi(os.Getenv("LASTPAGE_HARMS"))
	if err != nil {
		return 200
	}
	t.Logf("%d harms of each kind", n)
	return n
}

// source is a true log with what a UART sends of it.
type source struct {
	name string
	log  *ring.Log
	wire []byte
}

func sources(t testing.TB) (all []source) {
	for _, name := range []string{"panic", "three-warns", "sysrq"} {
		log := dumped(t, name)
		all = append(all, source{name, log, sent(log, 7)})
	}
	return all
}

// harm is one thing that a logger does to a wire. told is false where what it did looks like what a kernel does: nothing can tell them apart.
type harm struct {
	name string
	do   func(r *rand.Rand, s source, all []source) (wire []byte, log *ring.Log, told bool)
}

// inside is a random offset that is not at a line's beginning.
func inside(r *rand.Rand, b []byte) int {
	for {
		p := 1 + r.IntN(len(b)-2)
		if b[p-1] != '\n' && b[p] != '\n' && b[p] != '\r' {
			return p
		}
	}
}

var captureHarms = []harm{
	{"the beginning is cut", func(r *rand.Rand, s source, _ []source) ([]byte, *ring.Log, bool) {
		return s.wire[inside(r, s.wire):], s.log, true
	}},
	{"the beginning is cut at a line", func(r *rand.Rand, s source, _ []source) ([]byte, *ring.Log, bool) {
		p := inside(r, s.wire)
		return s.wire[bytes.LastIndexByte(s.wire[:p], '\n')+1:], s.log, true
	}},
	{"a logger comes late, and says a word of its own", func(r *rand.Rand, s source, _ []source) ([]byte, *ring.Log, bool) {
		p := inside(r, s.wire)
		return cat([]byte("Script started on 2026-11-26 02:00:00+00:00\r\nConnected to rack2.\r\n"), s.wire[bytes.LastIndexByte(s.wire[:p], '\n')+1:]), s.log, true
	}},
	{"the end is cut at a line", func(r *rand.Rand, s source, _ []source) ([]byte, *ring.Log, bool) {
		p := inside(r, s.wire)
		return s.wire[:bytes.LastIndexByte(s.wire[:p], '\n')+1], s.log, p > 400
	}},
	{"a hole beside user space", func(r *rand.Rand, s source, _ []source) ([]byte, *ring.Log, bool) {
		var b []byte
		var ours [][2]int // where user space's lines are
		for i, l := range bytes.SplitAfter(s.wire, []byte("\n")) {
			if b = append(b, l...); i%7 == 3 && len(l) > 0 {
				from := len(b)
				b = fmt.Appendf(b, "         Starting unit-%d.service - something of the machine's...\r\n", i)
				ours = append(ours, [2]int{from, len(b)})
			}
		}
		u := ours[1+r.IntN(len(ours)-2)]
		mine := u[0] + 1 + r.IntN(u[1]-u[0]-3)
		if r.IntN(2) == 0 { // it begins in user space's line and ends in the middle of a record
			q := min(mine+1+r.IntN(2000), len(b)-3)
			rest, _, _ := bytes.Cut(b[q:], []byte("\r"))
			line := b[bytes.LastIndexByte(b[:q], '\n')+1:]
			told := b[q-1] != '\n' && b[q] != '\n' && len(rest) >= 12 && line[0] == '[' && 2*(len(rest)+2) >= bytes.IndexByte(line, '\n')+1
			return append(bytes.Clone(b[:mine]), b[q:]...), s.log, told
		}
		p := max(2, mine-1-r.IntN(2000)) // it begins in a record and ends in user space's line
		line := b[bytes.LastIndexByte(b[:p], '\n')+1 : p]
		told := len(line) > 24 && line[0] == '[' && mine < u[1]-2
		return append(bytes.Clone(b[:p]), b[mine:]...), s.log, told
	}},
	{"the end is cut", func(r *rand.Rand, s source, _ []source) ([]byte, *ring.Log, bool) {
		return s.wire[:inside(r, s.wire)], s.log, true
	}},
	{"a hole", func(r *rand.Rand, s source, _ []source) ([]byte, *ring.Log, bool) {
		p := inside(r, s.wire)
		q := min(p+1+r.IntN(8192), len(s.wire)-2)
		told := s.wire[q-1] != '\n' && s.wire[q] != '\r' && s.wire[q] != '\n'
		rest, _, _ := bytes.Cut(s.wire[q:], []byte("\r"))
		told = told && !bytes.HasPrefix(s.wire[p:], rest) // otherwise it is a torn line, word for word
		return append(bytes.Clone(s.wire[:p]), s.wire[q:]...), s.log, told
	}},
	{"flipped bits", func(r *rand.Rand, s source, _ []source) ([]byte, *ring.Log, bool) {
		b := bytes.Clone(s.wire)
		for range 1 + r.IntN(5) {
			b[inside(r, b)] ^= 1 << r.IntN(7)
		}
		return b, s.log, true
	}},
	{"a chunk twice", func(r *rand.Rand, s source, _ []source) ([]byte, *ring.Log, bool) {
		p := inside(r, s.wire)
		q := min(p+1+r.IntN(4096), len(s.wire)-2)
		return append(bytes.Clone(s.wire[:q]), s.wire[p:]...), s.log, true
	}},
	{"other line ends", func(r *rand.Rand, s source, _ []source) ([]byte, *ring.Log, bool) {
		end := []string{"\n", "\r\r\n", "\n\r", "\r"}[r.IntN(4)]
		return bytes.ReplaceAll(s.wire, []byte("\r\n"), []byte(end)), s.log, true
	}},
	{"a prefix", func(r *rand.Rand, s source, _ []source) ([]byte, *ring.Log, bool) {
		return prefixed(r, s.wire), s.log, true
	}},
	{"wrapped", func(r *rand.Rand, s source, _ []source) ([]byte, *ring.Log, bool) {
		return wrapped(s.wire, 60+r.IntN(60)), s.log, true
	}},
	{"another boot around it", func(r *rand.Rand, s source, all []source) ([]byte, *ring.Log, bool) {
		o := all[r.IntN(len(all))]
		other := sent(shifted(o.log, uint64(r.IntN(900))*1e5+1e5), 7)
		if r.IntN(2) == 0 {
			return append(bytes.Clone(other), s.wire...), s.log, true
		}
		return append(bytes.Clone(s.wire), other...), s.log, true
	}},
	{"another dump", func(r *rand.Rand, s source, all []source) ([]byte, *ring.Log, bool) {
		return s.wire, shifted(s.log, uint64(r.IntN(900))*1e5+1e5), true
	}},
}

// shifted is the log of another boot of the kernel: what is not said at once comes at other times.
func shifted(l *ring.Log, by uint64) *ring.Log {
	c := *l
	c.Records = append([]ring.Record{}, l.Records...)
	for i := range c.Records {
		if c.Records[i].TsNsec > 0 {
			c.Records[i].TsNsec += by
		}
	}
	return &c
}

// prefixed puts a shape that is drawn before each line.
func prefixed(r *rand.Rand, b []byte) []byte {
	host := []string{"lab", "node-7", "rack2.example"}[r.IntN(3)]
	form := r.IntN(6)
	var out []byte
	for i, l := range bytes.SplitAfter(b, []byte("\n")) {
		if len(l) == 0 {
			continue
		}
		sec := i/10 + 3
		switch form {
		case 0:
			out = fmt.Appendf(out, "[%d.%06d %.6f] ", sec, i*7919%1000000, float64(i%10)/1000)
		case 1:
			out = fmt.Appendf(out, "Nov %2d %02d:%02d:%02d ", 1+sec/3600%28, sec/3600%24, sec/60%60, sec%60)
		case 2:
			out = fmt.Appendf(out, "Nov 26 02:%02d:%02d %s kernel: ", sec/60%60, sec%60, host)
		case 3:
			out = fmt.Appendf(out, "2026-11-26T02:%02d:%02d.%06d+00:00 ", sec/60%60, sec%60, i*7919%1000000)
		case 4:
			out = fmt.Appendf(out, "%s console> ", host)
		case 5:
			out = fmt.Appendf(out, "<<%d>> | ", i)
		}
		out = append(out, l...)
	}
	return out
}

func wrapped(b []byte, column int) []byte {
	var out []byte
	for _, l := range bytes.SplitAfter(b, []byte("\r\n")) {
		text, end := bytes.TrimRight(l, "\r\n"), []byte(nil)
		if len(text) < len(l) {
			end = []byte("\r\n")
		}
		for len(text) > column {
			out = append(append(out, text[:column]...), "\r\n"...)
			text = text[column:]
		}
		out = append(append(out, text...), end...)
	}
	return out
}

// Nothing that a logger did is charged to the kernel, where the two can be told apart.
func TestLoggersHarms(t *testing.T) {
	all := sources(t)
	n := harms(t)
	total, wrong, alike, void := 0, 0, 0, 0
	for h, k := range captureHarms {
		bad := 0
		for i := range n / len(captureHarms) {
			r := rand.New(rand.NewPCG(uint64(h), uint64(i)))
			b, log, told := k.do(r, all[i%len(all)], all)
			g, a := Explain(Input{Wire: bareWire(t, b), Ring: log, Loglevel: 7})
			total++
			if len(g.Void) > 0 {
				void++
				continue
			}
			c := charged(a)
			if c > 0 && !told {
				alike++
				continue
			}
			if c > 0 {
				if bad++; bad <= 2 {
					t.Errorf("%s, %d (%s): %d records charged; %v; undone %v; cut %v; %s", k.name, i, all[i%len(all)].name, c, who(a, log), g.Capture.Undone, g.Capture.Cut, g.Capture.LineEnds)
				}
				wrong += c
			}
		}
		if bad > 0 {
			t.Errorf("%s: %d trials", k.name, bad)
		}
	}
	t.Logf("%d harms: %d records wrongly charged, %d void, %d that look like a kernel's", total, wrong, void, alike)
}

func who(a *align.Result, log *ring.Log) string {
	var s []string
	for i := range a.Entries {
		e := &a.Entries[i]
		if f := e.Fate; (f == align.Missing || f == align.Torn || f == align.Garbled) && len(s) < 3 && e.Rec >= 0 {
			s = append(s, fmt.Sprintf("%d %s %.60q", e.Seq, f, log.Records[e.Rec].Text))
		}
	}
	return strings.Join(s, "; ")
}

// A kernel's loss is only excused with a reason, and seldom.
func TestKernelsHarms(t *testing.T) {
	all := sources(t)
	n := harms(t)
	lost, excused, unsaid := 0, 0, 0
	for i := range n {
		r := rand.New(rand.NewPCG(77, uint64(i)))
		s := all[i%len(all)]
		b, gone := kernelHarm(r, s)
		if r.IntN(2) == 0 {
			b = prefixed(r, b)
		}
		g, a := Explain(Input{Wire: bareWire(t, b), Ring: s.log, Loglevel: 7})
		if len(g.Void) > 0 {
			t.Errorf("%d: void: %q", i, g.Void)
			continue
		}
		for rec := range gone {
			lost++
			switch e := &a.Entries[a.WireOnly+rec]; e.Fate {
			case align.Missing, align.Torn, align.Garbled:
			case align.Unknown, align.Suppressed:
				if excused++; len(g.Capture.Cut)+len(g.Capture.Notes) == 0 {
					unsaid++
				}
			default:
				t.Errorf("%d: record %d of %s was lost and is %s", i, e.Seq, s.name, e.Fate)
			}
		}
	}
	if unsaid > 0 {
		t.Errorf("%d losses are excused without a reason", unsaid)
	}
	t.Logf("%d records lost by the kernel, %d of them excused with a reason (%.2f %%)", lost, excused, 100*float64(excused)/float64(max(lost, 1)))
	if excused*20 > lost {
		t.Errorf("%d of %d losses are excused", excused, lost)
	}
}

// kernelHarm renders a log with losses of the kernel; gone are the records (indices) that are not whole on the wire.
func kernelHarm(r *rand.Rand, s source) (wire []byte, gone map[int]bool) {
	gone = map[int]bool{}
	var visible []int
	all := false
	for i := range s.log.Records {
		rec := &s.log.Records[i]
		all = all || panics(rec)
		if rec.State.Stored() && (all || rec.Visible(7)) {
			visible = append(visible, i)
		}
	}
	at, count := 5+r.IntN(len(visible)-16), 1+r.IntN(10)
	kind := r.IntN(5)
	out := func(i int) {
		wire = append(wire, ring.ConsoleText(&s.log.Records[visible[i]], ring.ConsoleOpts{Time: true, CRLF: true})...)
	}
	for i := range visible {
		img := ring.ConsoleText(&s.log.Records[visible[i]], ring.ConsoleOpts{Time: true, CRLF: true})
		first := bytes.IndexByte(img, '\n')
		switch {
		case kind == 0 && i >= at && i < at+count: // never sent
			gone[visible[i]] = true
		case kind == 4 && i >= at: // the machine is reset, and its firmware speaks
			gone[visible[i]] = true
		case kind == 1 && i == at: // torn, the driver closes the line
			wire = append(append(wire, img[:15+r.IntN(max(1, first-16))]...), "\r\n"...)
			gone[visible[i]] = true
		case kind == 2 && i == at: // torn, then replayed
			wire = append(wire, img[:15+r.IntN(max(1, first-16))]...)
			wire = append(wire, "\r\n** replaying previous printk message **\r\n"...)
			out(i)
		case kind == 3 && i >= at && i < at+count: // later than the others
			if i == at {
				for k := i + 1; k <= at+count && k < len(visible); k++ {
					out(k)
				}
				out(i)
			}
		case kind == 3 && i == at+count:
		default:
			out(i)
		}
	}
	if kind == 4 {
		wire = append(wire, "SeaBIOS (version 1.16.2-debian-1.16.2-1)\r\nBooting from ROM..\r\n"...)
	}
	return wire, gone
}
