// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Bounds on what a ringbuffer may claim. The kernel's log_buf_len is practically at most some ten MiB, and there is one descriptor
// for each 32 bytes of text (PRB_AVGBITS). Both arrays must also fit into the memory they are said to be in.
const (
	maxDataBits  = 28 // 256 MiB of text
	maxCountBits = 23 // 8 Mi descriptors
)

// Reader reads one kernel's ringbuffer again and again, from memory that may be changing. It is not safe for concurrent use.
type Reader struct {
	info *VMCoreInfo
	sp   *space
	old  *printkLog // the log before 5.10; lay, rb and the arrays are not used then
	lay  *layout
	rb   header
	zero uint64 // id of the record with seq 0
	descs,
	infos,
	data *area
}

// header is struct printk_ringbuffer, decoded.
type header struct {
	at               uint64 // its kernel address
	countBits        uint32
	descs, infos     uint64
	headID, tailID   uint64
	dataBits         uint32
	data             uint64
	headPos, tailPos uint64
	fail             uint64
}

// Open finds the ringbuffer that info describes in mem, guest physical memory of size bytes.
func Open(ctx context.Context, mem io.ReaderAt, size int64, info *VMCoreInfo) (*Reader, error) {
	r, err := open(ctx, mem, size, info)
	if err != nil {
		return nil, fmt.Errorf("open ringbuffer: %w", err)
	}
	return r, nil
}

func open(ctx context.Context, mem io.ReaderAt, size int64, info *VMCoreInfo) (*Reader, error) {
	r := &Reader{info: info}
	var err error
	if isPrintkLog(info) {
		r.old, err = newPrintkLog(info)
	} else {
		r.lay, err = newLayout(info)
	}
	if err != nil {
		return nil, err
	}
	if r.sp, err = newSpace(mem, size, info); err != nil {
		return nil, err
	}
	return r, r.refresh(ctx)
}

// Decode reads the whole ringbuffer once.
func Decode(ctx context.Context, mem io.ReaderAt, size int64, info *VMCoreInfo) (*Log, error) {
	r, err := Open(ctx, mem, size, info)
	if err != nil {
		return nil, err
	}
	return r.Log(ctx)
}

// Info is what the reader was opened with.
func (r *Reader) Info() *VMCoreInfo { return r.info }

// refresh reads the header anew. The kernel moves to a larger buffer early in boot (setup_log_buf): then the arrays are
// translated again.
func (r *Reader) refresh(ctx context.Context) error {
	if r.old != nil {
		return r.old.refresh(ctx, r.sp, r.info)
	}
	h, err := r.header()
	if err != nil {
		return fmt.Errorf("SYMBOL(prb) at 0x%x: %w", r.lay.prb, err)
	}
	old := r.rb
	r.rb = h
	if r.data != nil && h.descs == old.descs && h.infos == old.infos && h.data == old.data &&
		h.countBits == old.countBits && h.dataBits == old.dataBits {
		return nil
	}
	count := uint64(1) << h.countBits
	for _, a := range []struct {
		to          **area
		name        string
		vaddr, size uint64
	}{
		{&r.descs, "prb_desc_ring.descs", h.descs, count * r.lay.descSize},
		{&r.infos, "prb_desc_ring.infos", h.infos, count * r.lay.infoSize},
		{&r.data, "prb_data_ring.data", h.data, uint64(1) << h.dataBits},
	} {
		if *a.to, err = r.sp.newArea(ctx, a.name, a.vaddr, a.size); err != nil {
			r.data = nil // nothing half-way is kept
			return err
		}
	}
	if err := r.numbering(); err != nil {
		r.data = nil
		return err
	}
	return nil
}

func (r *Reader) header() (header, error) {
	l := r.lay
	at, err := r.sp.u64(l.prb)
	if err != nil {
		return header{}, err
	}
	b := make([]byte, l.rbSize)
	if err := r.sp.read(b, at); err != nil {
		return header{}, fmt.Errorf("printk_ringbuffer: %w", err)
	}
	u64 := func(off uint64) uint64 { return binary.LittleEndian.Uint64(b[off:]) }
	u32 := func(off uint64) uint32 { return binary.LittleEndian.Uint32(b[off:]) }
	d, t := l.rbDescRing, l.rbTextRing
	h := header{
		at:        at,
		countBits: u32(d + l.drCountBits),
		descs:     u64(d + l.drDescs),
		infos:     u64(d + l.drInfos),
		headID:    u64(d+l.drHeadID) & idMask,
		tailID:    u64(d+l.drTail) & idMask,
		dataBits:  u32(t + l.dataBits),
		data:      u64(t + l.dataData),
		headPos:   u64(t + l.dataHead),
		tailPos:   u64(t + l.dataTail),
		fail:      u64(l.rbFail),
	}
	switch {
	case h.countBits < 1 || h.countBits > maxCountBits:
		return h, fmt.Errorf("printk_ringbuffer at 0x%x: 2^%d descriptors, at most 2^%d are plausible", at, h.countBits, maxCountBits)
	case h.dataBits < 4 || h.dataBits > maxDataBits:
		return h, fmt.Errorf("printk_ringbuffer at 0x%x: 2^%d bytes of text, at most 2^%d are plausible", at, h.dataBits, maxDataBits)
	case (h.headID-h.tailID)&idMask >= 1<<h.countBits:
		return h, fmt.Errorf("printk_ringbuffer at 0x%x: head_id 0x%x is not within 2^%d descriptors after tail_id 0x%x", at, h.headID, h.countBits, h.tailID)
	}
	return h, nil
}

// seqOf gives the seq of a descriptor id: both rise by one with every reservation.
func (r *Reader) seqOf(id uint64) uint64 { return (id - r.zero) & idMask }

// count is the number of descriptors.
func (h *header) count() uint64 { return 1 << h.countBits }

// numbering finds the id that has seq 0. A ring starts with ids that overflow soon (DESC0_ID in printk_ringbuffer.h): 62 bits of
// them since the count is a long, 32 bits before (6.12, 6.1). The descriptor before the first is the tail of a ring that has
// overwritten nothing yet; it is no record (Hack #2 there). Later the tail tells its own seq.
func (r *Reader) numbering() error {
	h := &r.rb
	for _, zero := range [...]uint64{-h.count() & idMask, (1<<32 - h.count()) & idMask} {
		if h.tailID == (zero-1)&idMask {
			r.zero = zero
			return nil
		}
	}
	// The tail is always finalized or reusable, so its seq is known, unless it is overwritten just now.
	n := min((h.headID-h.tailID)&idMask, 64)
	for i := uint64(0); i <= n; i++ {
		id := (h.tailID + i) & idMask
		slot := id & (h.count() - 1)
		var before, seq, after [8]byte
		if err := errors.Join(
			r.descs.read(before[:], slot*r.lay.descSize+r.lay.descState),
			r.infos.read(seq[:], slot*r.lay.infoSize+r.lay.infoSeq),
			r.descs.read(after[:], slot*r.lay.descSize+r.lay.descState)); err != nil {
			return err
		}
		if state := stateOf(id, binary.LittleEndian.Uint64(after[:])); before == after && (state.Stored() || state == Reusable) {
			r.zero = (id - binary.LittleEndian.Uint64(seq[:])) & idMask
			return nil
		}
	}
	return fmt.Errorf("printk_ringbuffer at 0x%x: none of the %d oldest descriptors from id 0x%x on is finalized: the seqs cannot be told", h.at, n+1, h.tailID)
}

// first is the id of the oldest record.
func (r *Reader) first() uint64 {
	if r.rb.tailID == (r.zero-1)&idMask {
		return r.zero
	}
	return r.rb.tailID
}
