// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
)

// printkLog is the log of kernels before 5.10: one buffer of records of struct printk_log (struct log until 3.10), each with its text and
// its dictionary after it. The oldest one is at log_first_idx, the next one goes to log_next_idx; a length of 0 says that the log goes on at
// the beginning of the buffer.
type printkLog struct {
	size, ts, length, textLen, dictLen uint64 // offsets in the structure, bytes; size is its own
	caller                             uint64
	hasCaller, hasPrio                 bool

	buf         *area
	first, next uint64 // log_first_idx, log_next_idx
	seq         uint64 // log_first_seq
	hasSeq      bool
}

// maxPrintkLog bounds log_buf_len, bytes (LOG_BUF_LEN_MAX in printk.c is 2 GiB).
const maxPrintkLog = 1 << maxDataBits

// isPrintkLog says whether a kernel has this log.
func isPrintkLog(info *VMCoreInfo) bool {
	_, now := info.Symbol("prb")
	_, old := info.Symbol("log_buf")
	return old && !now
}

// is32Bit: every kernel address of a 64-bit kernel has its upper bits set.
func is32Bit(info *VMCoreInfo) bool {
	v, ok := info.Symbol("log_buf")
	return ok && v < 1<<32
}

func newPrintkLog(info *VMCoreInfo) (*printkLog, error) {
	name := "printk_log"
	if _, ok := info.Number("SIZE(printk_log)"); !ok {
		if _, ok := info.Number("SIZE(log)"); !ok {
			return nil, fmt.Errorf("VMCOREINFO of %q: SYMBOL(log_buf) but no SIZE(printk_log): kernels before 3.5 keep bare text, which is not read", info.Release)
		}
		name = "log"
	}
	k := &keyReader{info: info}
	p := &printkLog{size: k.num("SIZE(" + name + ")")}
	p.ts = k.field("OFFSET("+name+".ts_nsec)", 8, p.size)
	p.length = k.field("OFFSET("+name+".len)", 2, p.size)
	p.textLen = k.field("OFFSET("+name+".text_len)", 2, p.size)
	p.dictLen = k.field("OFFSET("+name+".dict_len)", 2, p.size)
	if _, ok := info.Number("OFFSET(" + name + ".caller_id)"); ok {
		p.caller, p.hasCaller = k.field("OFFSET("+name+".caller_id)", 4, p.size), true
	}
	if k.err == nil && p.size == 0 {
		k.fail("SIZE(%s)=0", name)
	}
	p.hasPrio = p.dictLen+4 <= p.size // u8 facility; u8 flags:5, level:3 have no entry of their own
	return p, k.err
}

// refresh reads where the log is and what of it is in use.
func (p *printkLog) refresh(ctx context.Context, sp *space, info *VMCoreInfo) error {
	word := func(name string, n int) (uint64, error) {
		at, ok := info.Symbol(name)
		if !ok {
			return 0, fmt.Errorf("VMCOREINFO of %q: no SYMBOL(%s)", info.Release, name)
		}
		var b [8]byte
		if err := sp.read(b[:n], at); err != nil {
			return 0, fmt.Errorf("SYMBOL(%s) at 0x%x: %w", name, at, err)
		}
		return binary.LittleEndian.Uint64(b[:]), nil
	}
	var at, size uint64
	for _, w := range []struct {
		name string
		n    int
		to   *uint64
	}{{"log_buf", 8, &at}, {"log_buf_len", 4, &size}, {"log_first_idx", 4, &p.first}, {"log_next_idx", 4, &p.next}} {
		var err error
		if *w.to, err = word(w.name, w.n); err != nil {
			return err
		}
	}
	if size < p.size || size > maxPrintkLog || p.first > size || p.next > size {
		return fmt.Errorf("log_buf at 0x%x: log_first_idx %d and log_next_idx %d in a log_buf_len of %d cannot be", at, p.first, p.next, size)
	}
	if seq, err := word("log_first_seq", 8); err == nil {
		p.seq, p.hasSeq = seq, true
	}
	if p.buf != nil && p.buf.vaddr == at && p.buf.size == size {
		return nil
	}
	var err error
	p.buf, err = sp.newArea(ctx, "log_buf", at, size)
	return err
}

// witness: this log is written under a lock, so nothing in it is half done; what waited elsewhere is not in it.
func (p *printkLog) witness() Witness {
	w := Witness{Kind: "printk_log", Unknown: []string{
		"A line that was still being continued, and what other contexts had not yet handed over (NMI, printk_safe), are not in this log.",
	}}
	w.NoReserved = true
	if !p.hasSeq {
		w.lacks(&w.NoSeq, "VMCOREINFO does not tell the first sequence number: records are counted from the oldest one.")
	}
	if !p.hasCaller {
		w.lacks(&w.NoCaller, "Who stored a record is not kept.")
	}
	if !p.hasPrio {
		w.lacks(&w.NoLevel, "Where the levels are is not known.")
	}
	return w
}

// log reads every record. It takes at most as many steps as records of the smallest size fit.
func (p *printkLog) log(ctx context.Context) (*Log, error) {
	buf, err := p.buf.copied()
	if err != nil {
		return nil, err
	}
	log := &Log{DataSize: int64(buf.size), Descriptors: int(buf.size / p.size), TailPos: p.first, HeadPos: p.next, Overwritten: p.seq, NextSeq: p.seq}
	if !p.hasPrio {
		log.problem(0, "facility and level are not after dict_len: shown as 0")
	}
	wrapped := p.first < p.next
	for at := p.first; at != p.next; {
		if len(log.Records)%1024 == 0 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
		}
		rec, n, err := p.record(buf.buf, at)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			if wrapped {
				return nil, fmt.Errorf("printk_log at %d: the log goes back to its beginning a second time", at)
			}
			at, wrapped = 0, true
			continue
		}
		if at+n > buf.size || wrapped && at+n > p.next {
			return nil, fmt.Errorf("printk_log at %d: its length of %d leads beyond the end of the log", at, n)
		}
		rec.Seq = log.NextSeq
		log.NextSeq++
		log.Records = append(log.Records, rec)
		at += n
	}
	return log, nil
}

// record decodes the record at an offset, and gives its length, 0 for the mark that the log wraps.
func (p *printkLog) record(b []byte, at uint64) (rec Record, n uint64, err error) {
	if at+p.size > uint64(len(b)) {
		return rec, 0, fmt.Errorf("printk_log at %d: it would end after the %d bytes of the log", at, len(b))
	}
	h := b[at : at+p.size]
	u16 := func(off uint64) uint64 { return uint64(binary.LittleEndian.Uint16(h[off:])) }
	n = u16(p.length)
	if n == 0 {
		return rec, 0, nil
	}
	text, dict := u16(p.textLen), u16(p.dictLen)
	if n < p.size+text+dict || at+n > uint64(len(b)) {
		return rec, 0, fmt.Errorf("printk_log at %d: %d bytes of text and %d of dictionary in a length of %d cannot be", at, text, dict, n)
	}
	rec = Record{State: Finalized, Data: DataEmpty, TsNsec: binary.LittleEndian.Uint64(h[p.ts:]), TextLen: int(text)}
	if text > 0 {
		rec.Data, rec.Text = DataText, b[at+p.size:][:text:text]
	}
	if p.hasPrio {
		rec.Facility = h[p.dictLen+2]
		rec.Flags, rec.Level = h[p.dictLen+3]&(FlagNewline|FlagCont), h[p.dictLen+3]>>5 // LOG_NOCONS and LOG_PREFIX say nothing of the text
	}
	if p.hasCaller {
		rec.Caller = binary.LittleEndian.Uint32(h[p.caller:])
	}
	rec.dictionary(b[at+p.size+text:][:dict])
	return rec, n, nil
}

// dictionary takes in "SUBSYSTEM=pci\0DEVICE=+pci:0000:00:00.0".
func (r *Record) dictionary(b []byte) {
	for _, entry := range bytes.Split(b, []byte{0}) {
		switch key, value, _ := bytes.Cut(entry, []byte{'='}); string(key) {
		case "SUBSYSTEM":
			r.Subsystem = string(value)
		case "DEVICE":
			r.Device = string(value)
		}
	}
}
