// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// WriteCore writes an ELF core that holds only what the ringbuffer needs: the VMCOREINFO note, and PT_LOADs with virtual and
// physical addresses for the ring's pages, for the consoles, for init_uts_ns and for the page tables that lead there. OpenCore, vmcore-dmesg and
// `makedumpfile --dump-dmesg` read it. From memory that changes meanwhile it is no snapshot: stop the machine first.
func (r *Reader) WriteCore(ctx context.Context, w io.Writer) error {
	if err := r.writeCore(ctx, w); err != nil {
		return fmt.Errorf("write ring core: %w", err)
	}
	return nil
}

// SaveCore writes the core to a file, which is there whole or not at all.
func (r *Reader) SaveCore(ctx context.Context, path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("save ring core: %w", err)
	}
	bw := bufio.NewWriterSize(f, 256<<10)
	err = r.writeCore(ctx, bw)
	for _, step := range []func() error{bw.Flush, func() error { return f.Chmod(0o644) }, f.Sync} {
		if err == nil {
			err = step()
		}
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("save ring core %s: %w", path, err)
	}
	return nil
}

// place is a stretch of kernel memory.
type place struct {
	name string
	v, n uint64
}

// places are where the log is.
func (r *Reader) places() []place {
	if r.old == nil {
		return []place{
			{"SYMBOL(prb)", r.lay.prb, 8},
			{"printk_ringbuffer", r.rb.at, r.lay.rbSize},
			{"prb_desc_ring.descs", r.descs.vaddr, r.descs.size},
			{"prb_desc_ring.infos", r.infos.vaddr, r.infos.size},
			{"prb_data_ring.data", r.data.vaddr, r.data.size},
		}
	}
	all := []place{{"log_buf", r.old.buf.vaddr, r.old.buf.size}}
	for _, name := range [...]string{"log_buf", "log_buf_len", "log_first_idx", "log_next_idx", "log_first_seq"} {
		if v, ok := r.info.Symbol(name); ok {
			all = append(all, place{"SYMBOL(" + name + ")", v, 8})
		}
	}
	return all
}

// corePages collects what the core is to hold.
func (r *Reader) corePages(ctx context.Context) (p *pageSet, zero segment, err error) {
	p = &pageSet{sp: r.sp, virts: make(map[uint64]uint64)}
	for _, a := range r.places() {
		if err := p.add(ctx, a.name, a.v, a.n); err != nil {
			return nil, zero, err
		}
	}
	// Wanted by other tools only: makedumpfile compares init_uts_ns, and looks at the top page table whatever it reads.
	for _, a := range []struct {
		symbol string
		n      uint64
	}{{"init_uts_ns", 1024}, {"init_top_pgt", pageSize}, {"swapper_pg_dir", r.sp.page}, {"node_online_map", 128}, {"clear_seq", 16}, {"clear_idx", 4}} {
		if v, ok := r.info.Symbol(a.symbol); ok {
			_ = p.add(ctx, a.symbol, v, a.n)
		}
	}
	if _, at, err := r.consoles(ctx); err == nil {
		for _, v := range at {
			_ = p.add(ctx, "struct console", v, conSize)
		}
	}
	zero = p.addSections(ctx, r.info)
	p.addTables()
	for phys := range p.virts { // what tools want besides may lie outside a core that is rewritten
		if _, err := readFull(r.sp.mem, make([]byte, 1), phys); err != nil {
			delete(p.virts, phys)
		}
	}
	return p, zero, nil
}

// prstatusSize is the size of elf_prstatus, bytes.
var prstatusSize = map[uint16]int{machineX86: 336, machineARM64: 392, machineRISCV: 376}

func (r *Reader) writeCore(ctx context.Context, w io.Writer) error {
	if err := r.refresh(ctx); err != nil {
		return err
	}
	pages, zero, err := r.corePages(ctx)
	if err != nil {
		return err
	}
	segs := pages.segments()
	if len(segs)+2 >= pnXNum {
		return fmt.Errorf("the ring is scattered over %d places, an ELF file has room for %d", len(segs), pnXNum-3)
	}
	// NT_PRSTATUS of one CPU, all zero: some readers count CPUs by them.
	notes := appendNote(nil, "CORE", 1, make([]byte, prstatusSize[r.sp.machine]))
	notes = appendNote(notes, vmcoreinfoNote, 0, r.info.Text)

	num := len(segs) + 1
	if zero.size > 0 {
		num++
	}
	notesAt := uint64(ehdrSize + phdrSize*num)
	at := (notesAt + uint64(len(notes)) + pageSize - 1) &^ (pageSize - 1)
	head := make([]byte, 0, at)
	head = append(head, 0x7f, 'E', 'L', 'F', 2, 1, 1, 0)
	head = append(head, make([]byte, 8)...)
	le := binary.LittleEndian
	head = le.AppendUint16(head, typeCore)
	head = le.AppendUint16(head, r.sp.machine)
	head = le.AppendUint32(head, 1)        // e_version
	head = le.AppendUint64(head, 0)        // e_entry
	head = le.AppendUint64(head, ehdrSize) // e_phoff
	head = le.AppendUint64(head, 0)        // e_shoff
	head = le.AppendUint32(head, 0)        // e_flags
	for _, n := range [...]uint16{ehdrSize, phdrSize, uint16(num), 0, 0, 0} {
		head = le.AppendUint16(head, n)
	}
	phdr := func(kind, flags uint32, s segment, filesz, align uint64) {
		head = le.AppendUint32(head, kind)
		head = le.AppendUint32(head, flags)
		for _, n := range [...]uint64{s.off, s.virt, s.phys, filesz, s.size, align} {
			head = le.AppendUint64(head, n)
		}
	}
	phdr(ptNote, 0, segment{off: notesAt, size: uint64(len(notes))}, uint64(len(notes)), 4)
	for i := range segs {
		segs[i].off = at
		at += segs[i].size
		phdr(ptLoad, 7, segs[i], segs[i].size, pageSize)
	}
	if zero.size > 0 {
		zero.off = at
		phdr(ptLoad, 7, zero, 0, pageSize)
	}
	head = append(head, notes...)
	head = append(head, make([]byte, cap(head)-len(head))...)
	if _, err := w.Write(head); err != nil {
		return err
	}
	buf := make([]byte, 64<<10)
	for _, s := range segs {
		for done := uint64(0); done < s.size; {
			if err := ctx.Err(); err != nil {
				return err
			}
			b := buf[:min(uint64(len(buf)), s.size-done)]
			if _, err := readFull(r.sp.mem, b, s.phys+done); err != nil {
				return err
			}
			if _, err := w.Write(b); err != nil {
				return err
			}
			done += uint64(len(b))
		}
	}
	return nil
}

func appendNote(b []byte, name string, kind uint32, desc []byte) []byte {
	le := binary.LittleEndian
	b = le.AppendUint32(b, uint32(len(name)+1))
	b = le.AppendUint32(b, uint32(len(desc)))
	b = le.AppendUint32(b, kind)
	b = append(append(b, name...), 0)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	b = append(b, desc...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}
