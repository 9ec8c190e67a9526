// SPDX-License-Identifier: Apache-2.0

package align

import (
	"bytes"

	"lastpage/capture/ring"
)

// strangers are the stretches that no unit explains. One that looks like a
// record's line may be a record that the ring no longer has. Whether it is
// whole is only known when the next one is seen: a takeover leaves a beginning
// of it in front. So a chain of beginnings is held back until then.
type strangers struct {
	chain  []stretch
	byText map[string]int32 // wire-only records by their line, its end cut off
	// noText is the records of the ring whose text was overwritten, by their
	// prefix. Those with one time and caller are taken in the order of seq.
	noText   map[string][]int32
	entries  []Entry
	lines    map[int32][]byte // of noText records: what the wire has
	firstUS  int64            // time of the oldest record in the ring; -1 unknown
	overflow bool             // records may be on the wire that the ring no longer has
	noRing   bool
}

type stretch struct {
	start, end int64
	eol        int   // bytes of line end at its end
	ns         int64 // of its prefix; -1
	form       bool  // starts with a whole prefix
}

// textLost: the record's text was overwritten; its time, level and caller may
// still be there.
func textLost(r *ring.Record) bool {
	return r.State == ring.Reusable || r.State.Stored() && r.Data == ring.DataLost
}

func (s *strangers) init(recs []ring.Record, visible []bool, opts ring.ConsoleOpts) {
	s.byText, s.noText, s.lines = map[string]int32{}, map[string][]int32{}, map[int32][]byte{}
	s.firstUS, s.noRing, s.overflow = -1, len(recs) == 0, len(recs) == 0
	for i := range recs {
		r := &recs[i]
		if s.firstUS < 0 && hasText(r) {
			s.firstUS = int64(r.TsNsec / 1000)
			s.overflow = r.Seq > 0
		}
		if textLost(r) && visible[i] {
			bare := *r
			bare.Text, bare.Data = nil, ring.DataEmpty
			if p := bytes.TrimRight(ring.ConsoleText(&bare, opts), "\r\n"); len(p) > 0 {
				s.noText[string(p)] = append(s.noText[string(p)], int32(i))
			}
		}
	}
}

// text is what tells wire-only records apart.
func (a *aligner) text(x stretch) []byte { return a.wire[x.start : x.end-int64(x.eol)] }

// add takes the stretch [p, q) that nothing explains.
func (s *strangers) add(a *aligner, p, q int64) {
	b := a.wire[p:q]
	n, ns := parsePrefix(b, a.in.Opts)
	x := stretch{start: p, end: q, ns: ns, form: n > 0}
	if k := len(b); k > 0 && b[k-1] == '\n' {
		x.eol = 1
		if k > 1 && b[k-2] == '\r' {
			x.eol = 2
		}
	}
	if x.form && bytes.HasPrefix(b[n:], []byte("Linux version ")) && len(a.hits) > 0 {
		s.flush(a)
		a.res.Reboots++
		a.rebooted = true
	}
	if k := len(s.chain); k > 0 && !(x.form && bytes.HasPrefix(a.text(x), a.text(s.chain[k-1]))) {
		s.flush(a)
	}
	if x.end-int64(x.eol) == x.start {
		a.piece(x.start, x.end, Foreign, -1, NoNote) // an empty line
		return
	}
	s.chain = append(s.chain, x)
}

// flush decides on the stretches held back.
func (s *strangers) flush(a *aligner) {
	if len(s.chain) == 0 {
		return
	}
	chain := s.chain
	s.chain = s.chain[:0]
	lastOne := chain[len(chain)-1]
	id := s.identify(a, lastOne)
	if id < 0 {
		for _, x := range chain {
			k := Foreign
			if x.form && !a.rebooted {
				k = Unexplained
			}
			a.piece(x.start, x.end, k, -1, NoNote)
		}
		return
	}
	full := len(a.text(lastOne))
	for i, x := range chain {
		text := a.text(x)
		if i < len(chain)-1 && len(text) < full {
			a.piece(x.start, x.end-int64(x.eol), FromRecord, id, NoNote)
			a.piece(x.end-int64(x.eol), x.end, Meta, -1, NoteNewline)
			a.hits = append(a.hits, hit{id: id, start: x.start, end: x.end - int64(x.eol), out: len(text), clean: true})
			continue
		}
		a.piece(x.start, x.end, FromRecord, id, NoNote)
		a.hits = append(a.hits, hit{id: id, start: x.start, end: x.end, out: int(x.end - x.start), whole: x.eol > 0, last: true, clean: true})
	}
}

// identify says which record without text in the ring a line is; it makes a
// new one for a record that the ring may have lost, or returns -1.
func (s *strangers) identify(a *aligner, x stretch) int32 {
	if !x.form || a.rebooted {
		return -1
	}
	text := a.text(x)
	if id, ok := s.byText[string(text)]; ok {
		return id
	}
	prefix := string(text[:prefixLen(text, a.in.Opts)])
	if ids := s.noText[prefix]; len(ids) > 0 {
		s.noText[prefix] = ids[1:]
		s.byText[string(text)] = ids[0]
		s.lines[ids[0]] = text[len(prefix):]
		return ids[0]
	}
	if !s.overflow || x.ns >= 0 && s.firstUS >= 0 && x.ns/1000 > s.firstUS {
		return -1
	}
	id := int32(len(a.in.Records) + len(s.entries))
	s.byText[string(text)] = id
	e := Entry{Rec: -1, Storage: Overwritten, Visible: true, TimeNS: x.ns, Best: -1,
		Text: bytes.Clone(text[prefixLen(text, a.in.Opts):])}
	if s.noRing {
		e.Storage = NotRead
	}
	s.entries = append(s.entries, e)
	return id
}
