// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
)

// A descriptor's state_var is its state in the upper two bits and its id in the others (printk_ringbuffer.h).
const (
	stateShift = 62
	idMask     = 1<<stateShift - 1
)

// Special logical positions of records without a data block; bit 0 marks them.
const (
	failedPos = 0x1 // FAILED_LPOS
	emptyPos  = 0x3 // EMPTY_LINE_LPOS, NO_LPOS until 6.6
)

const blockID = 8 // bytes of id in front of a data block's text

// source is where the decoder reads: the live arrays, or copies. after is the descriptors once more, read after everything
// else: a record whose state changed in between was being overwritten (prb_read re-checks likewise).
type source struct{ descs, infos, data, after *area }

func (r *Reader) live() source { return source{r.descs, r.infos, r.data, r.descs} }

// copies reads the arrays in the order that makes the re-check sound: descriptors first and last.
func (r *Reader) copies() (s source, err error) {
	for _, c := range []struct {
		to   **area
		from *area
	}{{&s.descs, r.descs}, {&s.infos, r.infos}, {&s.data, r.data}, {&s.after, r.descs}} {
		if *c.to, err = c.from.copied(); err != nil {
			return s, err
		}
	}
	return s, nil
}

// Log reads every record that the ring holds now.
func (r *Reader) Log(ctx context.Context) (*Log, error) { return r.since(ctx, 0, true) }

// Since reads only the records with this seq or a later one, straight from memory: the cost follows their number. The log's
// figures are those of the whole ring, as always, except Overwritten, which counts from seq on.
func (r *Reader) Since(ctx context.Context, seq uint64) (*Log, error) {
	return r.since(ctx, seq, false)
}

func (r *Reader) since(ctx context.Context, seq uint64, all bool) (*Log, error) {
	if err := r.refresh(ctx); err != nil {
		return nil, fmt.Errorf("read ringbuffer: %w", err)
	}
	if r.old != nil {
		return r.sinceOld(ctx, seq)
	}
	h := &r.rb
	log := &Log{
		Release: r.info.Release, TailID: h.tailID, HeadID: h.headID, TailPos: h.tailPos, HeadPos: h.headPos,
		Descriptors: 1 << h.countBits, DataSize: 1 << h.dataBits, NextSeq: r.seqOf(h.headID + 1), Failed: h.fail,
	}
	if !r.lay.infoPrio {
		log.problem(0, "facility and level are not between text_len and caller_id: shown as 0")
	}
	from := r.first()
	n := (h.headID - from + 1) & idMask // at most the number of descriptors, see header()
	if tail := r.seqOf(from); seq > tail {
		skip := min(seq-tail, n)
		from, n = (from+skip)&idMask, n-skip
	}
	src := r.live()
	if all {
		var err error
		if src, err = r.copies(); err != nil {
			return nil, fmt.Errorf("read ringbuffer: %w", err)
		}
	}
	if n > 0 {
		log.Records = make([]Record, 0, n)
	}
	for i := range n {
		if i%1024 == 0 {
			if err := ctx.Err(); err != nil {
				return nil, fmt.Errorf("read ringbuffer: %w", err)
			}
		}
		rec, err := r.record(src, (from+i)&idMask, log)
		if err != nil {
			return nil, fmt.Errorf("read ringbuffer: record %d: %w", r.seqOf((from+i)&idMask), err)
		}
		log.Records = append(log.Records, rec)
	}
	if first := r.seqOf(from); first > seq {
		log.Overwritten = first - seq
	}
	log.Overwritten += uint64(log.Count(Reusable))
	return log, nil
}

// sinceOld: that log is read whole, in one go; from live memory it may be half changed, which is then an error.
func (r *Reader) sinceOld(ctx context.Context, seq uint64) (*Log, error) {
	log, err := r.old.log(ctx)
	if err != nil {
		return nil, fmt.Errorf("read log_buf: %w", err)
	}
	log.Release = r.info.Release
	log.Witness = r.old.witness()
	for len(log.Records) > 0 && log.Records[0].Seq < seq {
		log.Records = log.Records[1:]
	}
	log.Overwritten -= min(log.Overwritten, seq)
	return log, nil
}

// record reads one record; if it changes meanwhile, again, from live memory.
func (r *Reader) record(src source, id uint64, log *Log) (Record, error) {
	for try := 0; ; try++ {
		rec, changed, err := r.attempt(src, id, log)
		switch {
		case err != nil || !changed:
			return rec, err
		case rec.State == Reusable || rec.State == Miss || try == 3:
			// Overwritten under our hands: it existed, its text is gone.
			log.Raced++
			return Record{Seq: r.seqOf(id), State: Reusable, Data: DataLost}, nil
		}
		src = r.live()
	}
}

// attempt reads one record once. changed says that its descriptor did not stay as it was; the record's State is then the
// new one.
func (r *Reader) attempt(src source, id uint64, log *Log) (rec Record, changed bool, err error) {
	l := r.lay
	slot := id & (1<<r.rb.countBits - 1)
	desc, err := src.descs.bytes(slot*l.descSize, l.descSize)
	if err != nil {
		return rec, false, err
	}
	state := binary.LittleEndian.Uint64(desc[l.descState:])
	rec = Record{Seq: r.seqOf(id), State: stateOf(id, state), Data: DataNone}
	if rec.State == Miss {
		// A later lap's id means that the slot was taken over after head and tail were read.
		if newer := (state - id) & idMask; state != 0 && newer < 1<<(stateShift-1) {
			rec.State = Reusable
			return rec, true, nil
		}
		return rec, false, nil
	}
	info, err := src.infos.bytes(slot*l.infoSize, l.infoSize)
	if err != nil {
		return rec, false, err
	}
	if own := binary.LittleEndian.Uint64(info[l.infoSeq:]); own == rec.Seq {
		r.fill(&rec, info)
	} else if !rec.State.Stored() {
		// Reserved: the slot still has what its last user left. Reusable: it has what the next one brings.
		if rec.State == Reusable {
			rec.Data = DataLost
		}
		return rec, false, nil
	} else {
		r.fill(&rec, info)
		log.problem(rec.Seq, fmt.Sprintf("its printk_info has seq %d", own))
	}
	if rec.State == Reusable {
		rec.Data = DataLost
		return rec, false, nil
	}
	begin := binary.LittleEndian.Uint64(desc[l.descBegin:])
	next := binary.LittleEndian.Uint64(desc[l.descNext:])
	problem, err := r.text(src, id, begin, next, &rec)
	if err != nil {
		return rec, false, err
	}

	var b [8]byte
	if err := src.after.read(b[:], slot*l.descSize+l.descState); err != nil {
		return rec, false, err
	}
	if now := binary.LittleEndian.Uint64(b[:]); now != state {
		// Committed to finalized changes nothing that was read; everything else may have.
		if rec.State != Committed || stateOf(id, now) != Finalized {
			rec.State = stateOf(id, now)
			return rec, true, nil
		}
	}
	if problem != "" && rec.State != Reserved {
		log.problem(rec.Seq, problem)
	}
	return rec, false, nil
}

func stateOf(id, v uint64) State {
	if v&idMask != id {
		return Miss
	}
	return State(v >> stateShift)
}

// fill takes over what printk_info says.
func (r *Reader) fill(rec *Record, info []byte) {
	l := r.lay
	rec.TsNsec = binary.LittleEndian.Uint64(info[l.infoTs:])
	rec.TextLen = int(binary.LittleEndian.Uint16(info[l.infoTextLen:]))
	rec.Caller = binary.LittleEndian.Uint32(info[l.infoCall:])
	if l.infoPrio {
		rec.Facility = info[l.infoTextLen+2]
		prio := info[l.infoTextLen+3] // u8 flags:5, level:3, little endian: flags are the lower bits
		rec.Flags, rec.Level = prio&0x1f, prio>>5
	}
	rec.Subsystem = cstring(info[l.subsysAt : l.subsysAt+l.subsysLen])
	rec.Device = cstring(info[l.deviceAt : l.deviceAt+l.deviceLen])
}

func cstring(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}

// text reads the data block [begin, next). It returns what is wrong with the block, if anything.
//
// Whether a block wraps follows from its two positions alone, for both rules: until 2025 a block that would end exactly at the
// end of the ring was wrapped (next then lies in the ring's next lap), since then it stays where it is (next is the first position of
// the next lap, which the old rule never produced).
func (r *Reader) text(src source, id, begin, next uint64, rec *Record) (problem string, err error) {
	size := uint64(1) << r.rb.dataBits
	if begin&1 != 0 && next&1 != 0 {
		rec.Data = DataFailed
		if begin == emptyPos && next == emptyPos {
			rec.Data = DataEmpty
		}
		return "", nil
	}
	lap := func(pos uint64) uint64 { return pos >> r.rb.dataBits }
	var off, n uint64
	switch {
	case begin%blockID != 0 || next%blockID != 0:
		// fall out: illegal
	case lap(begin) == lap(next-1):
		off, n = begin&(size-1), next-begin
	case lap(begin+size) == lap(next-1):
		off, n = 0, next&(size-1)
	}
	if n < blockID || n > size-off {
		rec.Data = lost(rec)
		return fmt.Sprintf("its data block [0x%x, 0x%x) cannot be", begin, next), nil
	}
	var b [blockID]byte
	for _, at := range [...]uint64{begin & (size - 1), off} {
		if err := src.data.read(b[:], at); err != nil {
			return "", err
		}
		if got := binary.LittleEndian.Uint64(b[:]); got != id {
			rec.Data = lost(rec)
			return fmt.Sprintf("its data block at offset 0x%x belongs to descriptor 0x%x", at, got), nil
		}
	}
	if rec.State == Reserved && rec.TextLen == 0 {
		return "", nil // the writer had not said how much it wrote
	}
	rec.Data = DataText
	rec.Text, err = src.data.bytes(off+blockID, min(n-blockID, uint64(rec.TextLen)))
	return "", err
}

func lost(rec *Record) Data {
	if rec.State == Reserved {
		return DataNone // no block was assigned yet
	}
	return DataLost
}
