// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func decode(t *testing.T, m *machine) *Log {
	t.Helper()
	info, err := ParseVMCoreInfo(m.vmcoreinfo())
	if err != nil {
		t.Fatal(err)
	}
	log, err := Decode(context.Background(), m.reader(), int64(len(m.mem)), info)
	if err != nil {
		t.Fatal(err)
	}
	return log
}

func sameRecords(t *testing.T, got, want []Record) {
	t.Helper()
	if len(want)+len(got) == 0 {
		return
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("records (-want +got):\n%s", d)
	}
}

var small = prbOpts{countBits: 4, dataBits: 8}

func TestRecordFields(t *testing.T) {
	m := newMachine(4)
	r := m.newRing(small)
	want := []Record{
		r.printk(Record{TsNsec: 1234567890, Facility: 3, Level: 7, Flags: FlagNewline, Caller: 42, State: Finalized, Text: []byte("one")}),
		r.printk(Record{Level: 4, Flags: FlagNewline | FlagCont, Caller: 1<<31 | 1, State: Finalized, Text: []byte("two\nlines"), Subsystem: "pci", Device: "+pci:0000:00:1f.2"}),
		r.printk(Record{Flags: FlagForceCon, State: Committed, Text: []byte("\xff\x00\x1b")}),
	}
	log := decode(t, m)
	sameRecords(t, log.Records, want)
	if log.Release != "6.99.0-test" || log.NextSeq != 3 || log.Overwritten != 0 || log.Descriptors != 16 || log.DataSize != 256 || len(log.Problems) != 0 {
		t.Errorf("log: %+v", log)
	}
	if a, b := want[0].CallerString(), want[1].CallerString(); a != "T42" || b != "C1" {
		t.Errorf("callers %s %s", a, b)
	}
}

// Every place the ring can be in, every numbering, and never a record lost or changed over several laps of both rings.
func TestLaps(t *testing.T) {
	for _, grown := range []uint{0, 12, 21, 30} {
		for _, levels := range []int{4, 5} {
			for _, newFit := range []bool{false, true} {
				t.Run(fmt.Sprintf("grown %d, %d levels, newFit %v", grown, levels, newFit), func(t *testing.T) {
					m := newMachine(levels)
					r := m.newRing(prbOpts{countBits: 5, dataBits: 10, newFit: newFit, wideID: newFit, grown: grown})
					var want []Record
					exact := 0
					for i := range 300 {
						// Lengths with every remainder of 8, so that blocks also end exactly at the ring's end.
						want = append(want, r.printk(Record{
							TsNsec: uint64(i) * 1000, State: Finalized,
							Text: bytes.Repeat([]byte{byte('a' + i%26)}, i*7%90),
						}))
						if r.headPos()%1024 == 0 {
							exact++
						}
						log := decode(t, m)
						for _, got := range log.Records {
							w := want[got.Seq]
							if got.State == Reusable {
								w.State, w.Data, w.Text = Reusable, DataLost, nil
							}
							same := bytes.Equal(w.Text, got.Text)
							w.Text, got.Text = nil, nil
							if !same || !reflect.DeepEqual(w, got) {
								t.Fatalf("after %d records: got %+v, want %+v, text the same: %v", i+1, got, w, same)
							}
						}
						if last := log.Records[len(log.Records)-1]; last.Seq != uint64(i) || last.State != Finalized {
							t.Fatalf("after %d records the newest is %+v", i+1, last)
						}
						if got := int(log.NextSeq - log.Overwritten); got != len(log.Records)-log.Count(Reusable) || len(log.Problems) != 0 {
							t.Fatalf("after %d records: %d of %d are left, problems %v", i+1, got, len(log.Records), log.Problems)
						}
					}
					if newFit && exact == 0 {
						t.Error("no block ended with the ring: the lengths do not test that")
					}
				})
			}
		}
	}
}

// A block that ends exactly at the end of the ring: both rules, told apart by the positions alone.
func TestExactFit(t *testing.T) {
	for _, newFit := range []bool{false, true} {
		m := newMachine(4)
		r := m.newRing(prbOpts{countBits: 4, dataBits: 8, newFit: newFit})
		want := []Record{
			r.printk(Record{State: Finalized, Text: bytes.Repeat([]byte{'x'}, 112)}), // 120 bytes of block
			r.printk(Record{State: Finalized, Text: bytes.Repeat([]byte{'y'}, 64)}),  // 72
			r.printk(Record{State: Finalized, Text: bytes.Repeat([]byte{'z'}, 56)}),  // 64 are left
		}
		begin, next := m.get64(r.descs(2*24)+8), m.get64(r.descs(2*24)+16)
		if inPlace := next == 0; inPlace != newFit || begin != ^uint64(63) {
			t.Fatalf("newFit %v: the builder made the block [%x, %x)", newFit, begin, next)
		}
		if !newFit { // the old rule wraps it, and overwrites the first
			want[0].State, want[0].Data, want[0].Text = Reusable, DataLost, nil
		}
		sameRecords(t, decode(t, m).Records, want)
	}
}

func TestStates(t *testing.T) {
	m := newMachine(4)
	r := m.newRing(small)
	want := []Record{r.printk(Record{State: Finalized, Text: []byte("whole")})}

	_, seq := r.reserve(16) // never committed, nothing said about its text
	want = append(want, Record{Seq: seq, State: Reserved, Data: DataNone})

	cont := r.printk(Record{State: Committed, Text: []byte("reopened "), Flags: FlagCont, Caller: 7})
	r.setState(r.id(cont.Seq), Reserved) // prb_reserve_in_last: the first part stays readable
	cont.State = Reserved
	want = append(want, cont)

	failed := r.printk(Record{State: Finalized})
	r.setDesc(r.id(failed.Seq), Finalized, failedPos, failedPos)
	failed.Data = DataFailed
	want = append(want, failed, r.printk(Record{State: Finalized})) // and an empty line

	id, seq := r.reserve(16) // claimed the descriptor, not yet its info or block: both are still another's
	r.info(id, Record{Seq: seq - 16, TsNsec: 99, TextLen: 5})
	r.setDesc(id, Reserved, m.get64(r.descs(0)+8), m.get64(r.descs(0)+16))
	want = append(want, Record{Seq: seq, State: Reserved, Data: DataNone})

	head := r.headID() + 1 // head_id moved, the slot not claimed
	r.setIDs(head, r.tailID())
	want = append(want, Record{Seq: seq + 1, State: Miss, Data: DataNone})

	log := decode(t, m)
	sameRecords(t, log.Records, want)
	if len(log.Problems) != 0 {
		t.Errorf("problems: %v", log.Problems)
	}
	if n := log.Count(Reserved); n != 3 {
		t.Errorf("%d reserved", n)
	}
	if got := log.Lookup(2); got == nil || got.Seq != 2 || log.Lookup(99) != nil {
		t.Errorf("lookup: %v", got)
	}
}

// Blocks that cannot be, or are somebody else's: the text is lost, never made up, and the log says why.
func TestBadBlocks(t *testing.T) {
	for _, c := range []struct {
		name, problem string
		text          string
		data          Data
		do            func(r *prb, id uint64)
	}{
		{"text longer than the block", "", "0123456789ab\x00\x00\x00\x00", DataText, func(r *prb, id uint64) {
			r.info(id, Record{Seq: 1, TextLen: 60000})
		}},
		{"misaligned", "cannot be", "", DataLost, func(r *prb, id uint64) { r.setDesc(id, Finalized, r.headPos()+4, r.headPos()+20) }},
		{"one half data-less", "cannot be", "", DataLost, func(r *prb, id uint64) { r.setDesc(id, Finalized, 1, r.headPos()) }},
		{"backwards", "cannot be", "", DataLost, func(r *prb, id uint64) { r.setDesc(id, Finalized, r.headPos(), r.headPos()-16) }},
		{"two laps", "cannot be", "", DataLost, func(r *prb, id uint64) { r.setDesc(id, Finalized, r.headPos(), r.headPos()+600) }},
		{"empty range", "cannot be", "", DataLost, func(r *prb, id uint64) { r.setDesc(id, Finalized, r.headPos(), r.headPos()) }},
		{"another's id", "belongs to descriptor 0x77", "", DataLost, func(r *prb, id uint64) {
			var b [8]byte
			binary.LittleEndian.PutUint64(b[:], 0x77)
			r.store(r.m.get64(r.descs(r.slot(id)*24)+8)&255, b[:])
		}},
		{"info of another seq", "has seq 17", "0123456789ab", DataText, func(r *prb, id uint64) {
			r.info(id, Record{Seq: 17, TextLen: 12})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMachine(4)
			r := m.newRing(small)
			r.printk(Record{State: Finalized, Text: []byte("before")})
			got := r.printk(Record{State: Finalized, Text: []byte("0123456789ab")})
			after := r.printk(Record{State: Finalized, Text: []byte("after")})
			c.do(r, r.id(got.Seq))
			log := decode(t, m)
			rec := log.Records[1]
			if string(rec.Text) != c.text || rec.Data != c.data || rec.State != Finalized || rec.Seq != 1 {
				t.Errorf("got %+v", rec)
			}
			if c.problem == "" && len(log.Problems) != 0 || c.problem != "" && (len(log.Problems) != 1 || !strings.Contains(log.Problems[0].Text, c.problem)) {
				t.Errorf("problems %v, want %q", log.Problems, c.problem)
			}
			if rec.Truncated() != (c.name == "text longer than the block") {
				t.Error("truncated")
			}
			sameRecords(t, log.Records[2:], []Record{after})
		})
	}
}

func TestEmptyRing(t *testing.T) {
	for _, wide := range []bool{false, true} {
		m := newMachine(4)
		m.newRing(prbOpts{countBits: 4, dataBits: 8, wideID: wide})
		if log := decode(t, m); len(log.Records) != 0 || log.NextSeq != 0 || log.Overwritten != 0 {
			t.Errorf("%+v", log)
		}
	}
}

// changing is memory that changes after a number of reads.
type changing struct {
	io.ReaderAt
	left int
	do   func()
}

func (c *changing) ReadAt(p []byte, off int64) (int, error) {
	if c.left--; c.left == 0 {
		c.do()
	}
	return c.ReaderAt.ReadAt(p, off)
}

// The writer laps the reader at every possible moment: what the reader returns is a record as it was once, or overwritten.
func TestOverwrittenWhileReading(t *testing.T) {
	for _, live := range []bool{false, true} {
		raced := 0
		for when := 1; when < 400; when++ {
			m := newMachine(4)
			r := m.newRing(small)
			want := map[uint64]string{}
			write := func() {
				text := fmt.Sprintf("record %d", r.seq)
				want[r.printk(Record{State: Finalized, Text: []byte(text)}).Seq] = text
			}
			for range 20 {
				write()
			}
			c := &changing{ReaderAt: m.reader(), left: when}
			c.do = func() {
				for range 5 {
					write()
				}
			}
			info, err := ParseVMCoreInfo(m.vmcoreinfo())
			if err != nil {
				t.Fatal(err)
			}
			rd, err := Open(context.Background(), c, testMemory, info)
			if err != nil {
				t.Fatal(err)
			}
			log, err := rd.since(context.Background(), 0, !live)
			if err != nil {
				t.Fatal(err)
			}
			for _, rec := range log.Records {
				if rec.State == Finalized && string(rec.Text) != want[rec.Seq] {
					t.Fatalf("live %v, change at read %d: record %d is %q", live, when, rec.Seq, rec.Text)
				}
				if rec.State != Finalized && rec.State != Reusable {
					t.Fatalf("live %v, change at read %d: record %d is %s", live, when, rec.Seq, rec.State)
				}
			}
			if len(log.Problems) != 0 {
				t.Fatalf("live %v, change at read %d: %v", live, when, log.Problems)
			}
			raced += log.Raced
			if c.left > 0 {
				break
			}
		}
		if raced == 0 {
			t.Errorf("live %v: no read was ever overtaken: the test does not test", live)
		}
	}
}

func TestHostile(t *testing.T) {
	for _, c := range []struct {
		name, want string
		do         func(m *machine, r *prb)
	}{
		{"no prb", "neither SYMBOL(prb) nor SYMBOL(log_buf)", func(m *machine, r *prb) { m.info["SYMBOL(prb)"] = "" }},
		{"old log", "before 3.5", func(m *machine, r *prb) { m.info["SYMBOL(prb)"] = ""; m.info["KERNELOFFSET"] = "0\nSYMBOL(log_buf)=1" }},
		{"32 bit", "32-bit", func(m *machine, r *prb) { m.info["SIZE(atomic_long_t)"] = "4" }},
		{"arm64", "arm64", func(m *machine, r *prb) { m.info["KERNELOFFSET"] = "0\nNUMBER(kimage_voffset)=0x1" }},
		{"no phys_base", "NUMBER(phys_base)", func(m *machine, r *prb) { m.info["NUMBER(phys_base)"] = "" }},
		{"missing offset", "OFFSET(prb_desc.state_var)", func(m *machine, r *prb) { m.info["OFFSET(prb_desc.state_var)"] = "" }},
		{"offset outside", "OFFSET(printk_info.seq)=81 is outside", func(m *machine, r *prb) { m.info["OFFSET(printk_info.seq)"] = "81" }},
		{"huge struct", "SIZE(prb_desc)=9999999 is not plausible", func(m *machine, r *prb) { m.info["SIZE(prb_desc)"] = "9999999" }},
		{"prb outside memory", "SYMBOL(prb) at 0xffffffff8f000000", func(m *machine, r *prb) { m.info["SYMBOL(prb)"] = "ffffffff8f000000" }},
		{"many descriptors", "2^31 descriptors", func(m *machine, r *prb) { m.put32(r.header(), 31) }},
		{"much text", "2^40 bytes of text", func(m *machine, r *prb) { m.put32(r.header()+48, 40) }},
		{"array larger than memory", "do not fit a memory", func(m *machine, r *prb) { m.put32(r.header()+48, 27) }},
		{"head far from tail", "head_id", func(m *machine, r *prb) { r.setIDs(r.headID()+1000, r.tailID()) }},
		{"unmapped", "prb_desc_ring.infos: translate kernel address 0xffff999900000000: page table level 4: the entry at physical 0x100998",
			func(m *machine, r *prb) { m.put64(r.header()+16, 0xffff999900000000) }},
		{"not canonical", "not canonical", func(m *machine, r *prb) { m.put64(r.header()+8, 0x1234567800000000) }},
		{"end of addresses", "beyond the end", func(m *machine, r *prb) { m.put64(r.header()+8, ^uint64(0)-64) }},
		{"page table outside memory", "page table level 3: physical 0x7fffffff000", func(m *machine, r *prb) {
			m.put64(m.root+0x111*8, 0x7fffffff067)
			m.put64(r.header()+8, directBase(4))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMachine(4)
			r := m.newRing(small)
			r.printk(Record{State: Finalized, Text: []byte("x")})
			c.do(m, r)
			info, err := ParseVMCoreInfo(m.vmcoreinfo())
			if err != nil {
				t.Fatal(err)
			}
			_, err = Decode(context.Background(), m.reader(), testMemory, info)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestSince(t *testing.T) {
	m := newMachine(5)
	r := m.newRing(prbOpts{countBits: 4, dataBits: 8, grown: 12})
	rd := m.open(t)
	var all []Record
	next := uint64(0)
	for i := range 60 {
		if i%3 != 0 {
			all = append(all, r.printk(Record{State: Finalized, Text: fmt.Appendf(nil, "n%d", i)}))
		}
		log, err := rd.Since(context.Background(), next)
		if err != nil {
			t.Fatal(err)
		}
		sameRecords(t, log.Records, all[next:])
		if next = uint64(len(all)); log.NextSeq != next {
			t.Fatalf("next is %d, want %d", log.NextSeq, next)
		}
	}
	if log, err := rd.Since(context.Background(), 1<<61); err != nil || len(log.Records) != 0 {
		t.Errorf("from far ahead: %v %v", log, err)
	}
}

// A kernel that moves to a larger buffer while it is being followed (setup_log_buf).
func TestMove(t *testing.T) {
	m := newMachine(4)
	r := m.newRing(small)
	rd := m.open(t)
	a := r.printk(Record{State: Finalized, Text: []byte("static")})
	r = m.newRing(prbOpts{countBits: 6, dataBits: 11, wideID: true, grown: 21, at: 256})
	want := []Record{r.printk(a), r.printk(Record{State: Finalized, Text: []byte("dynamic")})}
	log, err := rd.Since(context.Background(), 0)
	if err != nil {
		t.Fatal(err)
	}
	sameRecords(t, log.Records, want)
}
