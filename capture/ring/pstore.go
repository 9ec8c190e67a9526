// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
)

// part is one record of pstore: a piece of the log's end as a kernel kept it when it died. Part 1 is the newest.
type part struct {
	why    string // Panic, Oops, ...
	number uint64 // which of the boot's oopses and panics it was
	part   uint64
	body   []byte
	from   string // what it was read from
}

func (p *part) String() string { return fmt.Sprintf("%s#%d Part%d", p.why, p.number, p.part) }

// parsePart reads "Panic#1 Part1" (pstore_dump in fs/pstore/platform.c).
func parsePart(line []byte) (p part, ok bool) {
	why, rest, ok1 := bytes.Cut(bytes.TrimRight(line, "\r"), []byte{'#'})
	number, n, ok2 := bytes.Cut(rest, []byte(" Part"))
	if !ok1 || !ok2 || len(why) == 0 || len(why) > 16 || len(n) > 9 || len(number) > 9 || bytes.IndexFunc(why, notLetter) >= 0 {
		return p, false
	}
	var err1, err2 error
	p.why = string(why)
	p.number, err1 = strconv.ParseUint(string(number), 10, 32)
	p.part, err2 = strconv.ParseUint(string(n), 10, 32)
	return p, err1 == nil && err2 == nil && p.part > 0
}

func notLetter(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') }

// maxParts bounds how many parts are joined.
const maxParts = 4096

// partsOf splits a text at the head lines of parts; none if the text does not begin with one.
func partsOf(b []byte, from string) ([]part, error) {
	var all []part
	for len(b) > 0 {
		line, rest, _ := bytes.Cut(b, []byte{'\n'})
		if p, ok := parsePart(line); ok {
			if len(all) == maxParts {
				return nil, fmt.Errorf("more than %d parts of pstore", maxParts)
			}
			p.from = from
			p.body = rest[:0]
			all = append(all, p)
		} else if len(all) == 0 {
			return nil, nil
		} else {
			last := &all[len(all)-1]
			last.body = last.body[:len(last.body)+len(b)-len(rest)]
		}
		b = rest
	}
	return all, nil
}

// pstoreLines reads a file that begins with a part's head line.
func pstoreLines(ctx context.Context, lines [][]byte) (*Log, error) {
	if len(lines) > 0 && bytes.HasPrefix(lines[0], []byte(ramoopsMagic)) {
		lines = lines[1:]
	}
	if len(lines) == 0 {
		return nil, nil
	}
	if _, ok := parsePart(lines[0]); !ok {
		return nil, nil
	}
	all, err := partsOf(bytes.Join(lines, []byte{'\n'}), "")
	if err != nil {
		return nil, err
	}
	return joinParts(ctx, all)
}

// joinParts makes one log of the parts of one boot, in whatever order they come.
func joinParts(ctx context.Context, all []part) (*Log, error) {
	slices.SortStableFunc(all, func(a, b part) int {
		return cmp.Or(cmp.Compare(a.number, b.number), cmp.Compare(a.why, b.why), cmp.Compare(b.part, a.part))
	})
	all = slices.CompactFunc(all, func(a, b part) bool { return a.String() == b.String() && bytes.Equal(a.body, b.body) })
	for i := 1; i < len(all); i++ {
		if all[i].String() == all[i-1].String() {
			return nil, fmt.Errorf("two different records are %q (%s): they are of several crashes: give those of one", &all[i], all[i].names(&all[i-1]))
		}
	}
	log := newText("pstore")
	log.verbatim = true
	w := &log.Witness
	w.lacks(&w.NoSeq, "Sequence numbers are not kept: records are counted from the first one that is there.")
	w.Unknown = append(w.Unknown, "Lines of one record and records of one line each cannot be told apart.")
	var dumps [][]Record // of each oops or panic
	called, timed, prio := true, true, true
	for i := 0; i < len(all); {
		var recs []Record
		first := i
		for ; i < len(all) && all[i].number == all[first].number && all[i].why == all[first].why; i++ {
			if i > first && all[i].part+1 != all[i-1].part {
				log.note("%s#%d: parts %d to %d are missing", all[i].why, all[i].number, all[i].part+1, all[i-1].part-1)
				w.Unknown = append(w.Unknown, "Parts are missing in the middle.")
			}
			got, has, err := all[i].records(ctx, log)
			if err != nil {
				return nil, err
			}
			called, timed, prio = called && has.called, timed && has.timed, prio && has.prio
			recs = append(recs, got...)
		}
		if last := all[i-1].part; last != 1 {
			log.note("%s#%d: its newest part is %d: the end of the log is missing", all[i-1].why, all[i-1].number, last)
		}
		dumps = append(dumps, recs)
	}
	for _, limit := range []struct {
		lack     bool
		flag     *bool
		sentence string
	}{{!prio, &w.NoLevel, "Levels are not kept."}, {!called, &w.NoCaller, "Who stored a record is not kept."}} {
		if limit.lack {
			w.lacks(limit.flag, limit.sentence)
		}
	}
	if !timed {
		w.Unknown = append(w.Unknown, "Times are not kept (printk.time was off).")
	}
	for _, rec := range joinDumps(log, dumps) {
		if err := log.add(rec); err != nil {
			return nil, err
		}
	}
	if len(log.Records) == 0 {
		return nil, fmt.Errorf("%w: a pstore record without a line", ErrNotLog)
	}
	if headless(log.Records) {
		w.lacks(&w.Part, "It holds only the last bytes of the log.")
	}
	log.settle()
	return log, nil
}

func (p *part) names(o *part) string {
	if p.from == o.from {
		return cmp.Or(p.from, "in one file")
	}
	return o.from + " and " + p.from
}

// records reads the lines of a part. has tells what all of its prefixes have.
func (p *part) records(ctx context.Context, log *Log) (recs []Record, has prefix, err error) {
	body, note := trimECC(p.body)
	if note != "" {
		log.note("%s: %s", p, note)
	}
	if len(body) == 0 {
		return nil, prefix{called: true, timed: true, prio: true}, nil
	}
	t := &listing{lines: splitLines(body)}
	t.scan()
	t.findCallers()
	part := &Log{}
	if err := t.read(ctx, part); err != nil {
		return nil, has, err
	}
	for _, x := range part.Notes {
		log.note("%s: %s", p, x)
	}
	return part.Records, prefix{called: t.called, timed: t.timed, prio: t.prio}, nil
}

// joinDumps joins what several oopses and panics of one boot have left. Each dump reaches back as far as there was room, so they overlap.
func joinDumps(log *Log, dumps [][]Record) []Record {
	var all []Record
	for i := len(dumps) - 1; i >= 0; i-- {
		d := dumps[i]
		if len(all) == 0 || len(d) == 0 {
			all = append(d, all...)
			continue
		}
		at := slices.IndexFunc(d, func(r Record) bool { return r.TsNsec == all[0].TsNsec && bytes.Equal(r.Text, all[0].Text) })
		switch last := d[len(d)-1]; {
		case at >= 0:
			all = append(d[:at:at], all...)
		case last.TsNsec <= all[0].TsNsec:
			log.note("between the records of two oopses some may be missing: they do not overlap")
			all = append(d[:len(d):len(d)], all...)
		default:
			log.note("the records of an oops up to %d us do not go with the later ones, and are left out", last.TsNsec/1000)
		}
	}
	return all
}

// trimECC takes off what ramoops adds to a record when it is read; Linux 6.12 has "ECC: " before it, older ones had nothing.
func trimECC(b []byte) (body []byte, note string) {
	trimmed := bytes.TrimRight(b, "\n")
	at := bytes.LastIndexByte(trimmed, '\n') + 1
	last := bytes.TrimPrefix(trimmed[at:], []byte("ECC: "))
	if string(last) == "No errors detected" {
		return bytes.TrimSuffix(trimmed[:at], []byte{'\n'}), ""
	}
	corrected, rest, ok := bytes.Cut(last, []byte(" Corrected bytes, "))
	blocks, ok2 := bytes.CutSuffix(rest, []byte(" unrecoverable blocks"))
	_, err1 := strconv.ParseUint(string(corrected), 10, 32)
	_, err2 := strconv.ParseUint(string(blocks), 10, 32)
	if !ok || !ok2 || err1 != nil || err2 != nil {
		return b, ""
	}
	if string(blocks) != "0" {
		note = string(last) + ": some of its bytes may be wrong"
	}
	return bytes.TrimSuffix(trimmed[:at], []byte{'\n'}), note
}
