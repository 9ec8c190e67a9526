// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
)

// kmsgLines reads what /dev/kmsg gives: "6,339,5140900,-,caller=T1;text" and, for a device's record, lines " SUBSYSTEM=pci".
func kmsgLines(ctx context.Context, lines [][]byte) (*Log, error) {
	filled, fit := 0, 0
	for _, l := range lines {
		if len(l) == 0 || l[0] == ' ' {
			continue
		}
		filled++
		if _, _, ok := parseKmsg(l); ok {
			fit++
		}
	}
	if fit*2 <= filled {
		return nil, nil
	}
	log := newText("/dev/kmsg")
	w := &log.Witness
	w.Unknown = append(w.Unknown, "What was stored after it was read is not in it.")
	called, left := false, 0
	for i, l := range lines {
		if i%4096 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		rec, has, ok := parseKmsg(l)
		n := len(log.Records)
		switch {
		case ok:
			if n > 0 && rec.Seq <= log.Records[n-1].Seq {
				log.problem(rec.Seq, fmt.Sprintf("its seq comes after %d: what is before it is another reading or another boot, and left out", log.Records[n-1].Seq))
				log.Records = log.Records[:0]
			}
			called = called || has
			if err := log.add(rec); err != nil {
				return nil, err
			}
		case len(l) > 0 && l[0] == ' ' && n > 0:
			log.Records[n-1].dictionary(unescape(l[1:], true))
		case len(l) > 0:
			left++
		}
	}
	if left > 0 {
		log.note("%d lines have another form and are left out", left)
	}
	if !called {
		w.lacks(&w.NoCaller, "Who stored a record is not shown (CONFIG_PRINTK_CALLER).")
	}
	log.settle()
	if n := len(log.Records); n > 0 {
		log.Overwritten = log.Records[0].Seq
	}
	return log, nil
}

// parseKmsg reads one record; called says that its caller is told.
func parseKmsg(l []byte) (rec Record, called, ok bool) {
	head, text, ok := bytes.Cut(l, []byte{';'})
	if !ok || len(head) > 128 || len(head) == 0 || head[0] < '0' || head[0] > '9' {
		return rec, false, false
	}
	fields := bytes.Split(head, []byte{','})
	if len(fields) < 4 {
		return rec, false, false
	}
	var n [3]uint64
	for i := range n {
		var err error
		if n[i], err = strconv.ParseUint(string(fields[i]), 10, 64); err != nil {
			return rec, false, false
		}
	}
	if n[0] >= 2048 || n[1] > idMask || n[2] > 1<<62/1000 {
		return rec, false, false
	}
	rec = Record{Facility: uint8(n[0] >> 3), Level: uint8(n[0] & 7), Seq: n[1], TsNsec: n[2] * 1000, Text: unescape(text, true)}
	if bytes.ContainsAny(fields[3], "c+") {
		rec.Flags = FlagCont
	}
	for _, f := range fields[4:] {
		if v, ok := bytes.CutPrefix(f, []byte("caller=")); ok {
			rec.Caller, called = callerOf(string(v))
		}
	}
	return rec, called, true
}
