// SPDX-License-Identifier: Apache-2.0

package foreign

import (
	"bytes"

	"lastpage/capture/ring"
)

// pair says whether the judged boot and the dump are of one boot of one kernel, and what speaks against it.
func (x *Exam) pair(log *ring.Log) {
	if log == nil || x.Judged < 0 {
		return
	}
	b := &x.Boots[x.Judged]
	release, whole := log.Release, ""
	for i := range log.Records {
		if r := &log.Records[i]; r.State.Stored() {
			if m := banner.FindSubmatch(r.Text); m != nil {
				release, whole = string(m[1]), string(firstLine(r.Text))
				break
			}
		}
	}
	switch {
	case b.Release != "" && release != "" && b.Release != release:
		x.void("another kernel: the wire's banner says %s, the dump is of %s", b.Release, release)
		return
	case b.banner != "" && whole != "" && b.banner != whole && !bytes.HasPrefix([]byte(whole), []byte(b.banner)) && similar(b.banner, whole):
		x.void("another build of %s: the wire's banner is %.200q, the dump's %.200q", release, b.banner, whole)
		return
	}
	x.count(log.Records)
	if x.OtherTime >= 20 && x.OtherTime > 2*x.SameTime {
		x.void("another boot of the same kernel: %d lines have a record's text with another time, %d have it with its own", x.OtherTime, x.SameTime)
	}
}

// similar: two banners that differ in their end only. One that was cut or garbled by the capture says nothing of another build.
func similar(a, b string) bool {
	return len(a) == len(b) || bytes.HasSuffix([]byte(a), []byte(")")) && bytes.HasSuffix([]byte(b), []byte(")"))
}

// count compares times. Texts that come several times in the dump say nothing.
func (x *Exam) count(recs []ring.Record) {
	at := map[string]int64{}
	for i := range recs {
		if r := &recs[i]; r.State.Stored() && len(r.Text) >= minText {
			t := string(firstLine(r.Text))
			if _, there := at[t]; there {
				at[t] = -1
			} else {
				at[t] = int64(r.TsNsec / 1000)
			}
		}
	}
	b := &x.Boots[x.Judged]
	for i := b.start; i < b.end; i++ {
		l := &x.lines[i]
		if !l.timed {
			continue
		}
		us, there := at[string(l.said())]
		switch {
		case !there || us < 0:
		case us == l.ns/1000:
			x.SameTime++
		case us > 0 || l.ns > 0:
			x.OtherTime++
		}
	}
}
