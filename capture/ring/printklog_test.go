// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"
)

// oldRing writes the log of 3.11 to 5.9 into a machine by the rules of log_store.
type oldRing struct {
	m           *machine
	header      uint64 // SIZE(printk_log): 16, or 20 and 24 with a caller
	size        uint64 // log_buf_len
	first, next uint64
	seq         uint64 // of the next record
	kept        []Record
}

const (
	oldVars = testImage + 0x2000 // log_buf, log_buf_len, log_first_idx, log_next_idx, log_first_seq, phys_base
	oldBuf  = testImage + 0x10000
)

func newOldRing(header, size uint64) *oldRing {
	r := &oldRing{m: newMachine(4), header: header, size: size}
	p := imagePhys(oldVars)
	r.m.put64(p, oldBuf)
	r.m.put32(p+8, uint32(size))
	phys := int64(-imageDown)
	r.m.put64(p+40, uint64(phys))
	return r
}

func (r *oldRing) at(off uint64) uint64 { return imagePhys(oldBuf) + off }

func (r *oldRing) length(off uint64) uint64 {
	return uint64(binary.LittleEndian.Uint16(r.m.mem[r.at(off)+8:]))
}

func (r *oldRing) store(rec Record, dict string) {
	n := (r.header + uint64(len(rec.Text)+len(dict)) + 3) &^ 3
	room := func() bool {
		if r.next > r.first || len(r.kept) == 0 {
			return max(r.size-r.next, r.first) >= n+r.header
		}
		return r.first-r.next >= n+r.header
	}
	for !room() {
		if r.length(r.first) == 0 {
			r.first = r.length(0)
		} else {
			r.first += r.length(r.first)
		}
		r.kept = r.kept[1:]
	}
	if r.next+n+r.header > r.size {
		clear(r.m.mem[r.at(r.next):][:r.header])
		r.next = 0
	}
	p := r.at(r.next)
	clear(r.m.mem[p:][:n])
	r.m.put64(p, rec.TsNsec)
	binary.LittleEndian.PutUint16(r.m.mem[p+8:], uint16(n))
	binary.LittleEndian.PutUint16(r.m.mem[p+10:], uint16(len(rec.Text)))
	binary.LittleEndian.PutUint16(r.m.mem[p+12:], uint16(len(dict)))
	r.m.mem[p+14], r.m.mem[p+15] = rec.Facility, rec.Flags|rec.Level<<5
	if r.header > 16 {
		r.m.put32(p+16, rec.Caller)
	}
	copy(r.m.mem[p+r.header:], rec.Text)
	copy(r.m.mem[p+r.header+uint64(len(rec.Text)):], dict)
	r.next += n
	rec.Seq, rec.State, rec.TextLen = r.seq, Finalized, len(rec.Text)
	if len(rec.Text) == 0 {
		rec.Data, rec.Text = DataEmpty, nil
	}
	rec.Flags &^= 1 | 4
	r.seq++
	r.kept = append(r.kept, rec)
	v := imagePhys(oldVars)
	r.m.put32(v+12, uint32(r.first))
	r.m.put32(v+16, uint32(r.next))
	r.m.put64(v+24, r.kept[0].Seq)
}

// fill wraps the log some times.
func (r *oldRing) fill(n int) {
	for i := range n {
		rec := Record{TsNsec: uint64(i) * 1e6, Level: uint8(i % 8), Facility: uint8(i % 3), Flags: FlagNewline | 5, Text: bytes.Repeat([]byte{byte('a' + i%26)}, i*7%60)}
		if r.header > 16 {
			rec.Caller = uint32(i) | 1<<31
		}
		dict := ""
		if i%5 == 0 {
			rec.Subsystem, rec.Device = "pci", fmt.Sprintf("+pci:0000:00:%02x.0", i)
			dict = "SUBSYSTEM=pci\x00DEVICE=" + rec.Device
		}
		r.store(rec, dict)
	}
	r.store(Record{TsNsec: 9e9, Level: 3, Flags: FlagNewline, Text: []byte("two\nlines \xe4 \x1b[31m")}, "")
}

// vmcoreinfo is the text of such a kernel; more are lines besides.
func (r *oldRing) vmcoreinfo(more ...string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "OSRELEASE=5.4.0-test\nPAGESIZE=4096\nSYMBOL(init_uts_ns)=%x\n", uint64(utsName))
	for i, name := range []string{"log_buf", "log_buf_len", "log_first_idx", "log_next_idx"} {
		fmt.Fprintf(&b, "SYMBOL(%s)=%x\n", name, uint64(oldVars)+[]uint64{0, 8, 12, 16}[i])
	}
	fmt.Fprintf(&b, "SIZE(printk_log)=%d\nOFFSET(printk_log.ts_nsec)=0\nOFFSET(printk_log.len)=8\nOFFSET(printk_log.text_len)=10\nOFFSET(printk_log.dict_len)=12\n", r.header)
	if r.header > 16 {
		b.WriteString("OFFSET(printk_log.caller_id)=16\n")
	}
	fmt.Fprintf(&b, "%s\n", strings.Join(more, "\n"))
	return []byte(b.String())
}

func (r *oldRing) open(more ...string) (*Reader, error) {
	info, err := ParseVMCoreInfo(r.vmcoreinfo(more...))
	if err != nil {
		return nil, err
	}
	return Open(context.Background(), r.m.reader(), testMemory, info)
}

const oldPhysBase = "NUMBER(phys_base)=-15728640"

func TestPrintkLog(t *testing.T) {
	for _, header := range []uint64{16, 20, 24} {
		for _, n := range []int{0, 10, 100, 1000} {
			r := newOldRing(header, 4096)
			r.fill(n)
			for _, more := range [][]string{
				{oldPhysBase},
				{oldPhysBase, fmt.Sprintf("SYMBOL(log_first_seq)=%x", uint64(oldVars+24))},
			} {
				rd, err := r.open(more...)
				if err != nil {
					t.Fatal(err)
				}
				log, err := rd.Log(context.Background())
				if err != nil {
					t.Fatalf("header %d, %d records: %v", header, n, err)
				}
				want := append([]Record(nil), r.kept...)
				if len(more) == 1 {
					for i := range want {
						want[i].Seq = uint64(i)
					}
				}
				sameRecords(t, log.Records, want)
				if log.NextSeq != want[len(want)-1].Seq+1 || log.Release != "5.4.0-test" {
					t.Errorf("next %d, release %q", log.NextSeq, log.Release)
				}
				again, err := coreLog(coreOf(t, rd))
				if err != nil {
					t.Fatal(err)
				}
				sameRecords(t, again.Records, want)
			}
		}
	}
}

// Before 4.10 VMCOREINFO names phys_base and does not tell it: a core's virtual addresses lead to it.
func TestPrintkLogPhysBase(t *testing.T) {
	r := newOldRing(16, 4096)
	r.fill(100)
	symbol := fmt.Sprintf("SYMBOL(phys_base)=%x", uint64(oldVars+40))
	if _, err := r.open(symbol); err == nil || !strings.Contains(err.Error(), "phys_base") {
		t.Errorf("memory without virtual addresses: %v", err)
	}
	rd, err := r.open(oldPhysBase, symbol)
	if err != nil {
		t.Fatal(err)
	}
	b := bytes.Replace(coreOf(t, rd), []byte(oldPhysBase), []byte("NUMBER(some_other)=-15728640")[:len(oldPhysBase)], 1)
	log, err := coreLog(b)
	if err != nil {
		t.Fatal(err)
	}
	sameText(t, log.Records, r.kept)
}

func sameText(t *testing.T, got, want []Record) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d records, want %d", len(got), len(want))
	}
	for i := range got {
		if !bytes.Equal(got[i].Text, want[i].Text) || got[i].TsNsec/1000 != want[i].TsNsec/1000 {
			t.Fatalf("record %d: %d %q, want %d %q", i, got[i].TsNsec, got[i].Text, want[i].TsNsec, want[i].Text)
		}
	}
}

func TestPrintkLogRefused(t *testing.T) {
	for _, c := range []struct {
		name, want string
		harm       func(r *oldRing)
		more       []string
	}{
		{"32 bits", "32-bit", nil, []string{oldPhysBase, "SYMBOL(log_buf)=c1234560"}},
		{"before 3.5", "before 3.5", nil, []string{oldPhysBase, "SIZE(printk_log)=4097"}},
		{"a length of nothing", "cannot be", func(r *oldRing) { r.m.mem[r.at(r.first)+9] = 0x40 }, []string{oldPhysBase}},
		{"a text that is longer than the record", "cannot be", func(r *oldRing) { r.m.mem[r.at(r.first)+11] = 9 }, []string{oldPhysBase}},
		{"a second mark", "a second time", func(r *oldRing) { clear(r.m.mem[r.at(0):][:16]) }, []string{oldPhysBase}},
		{"an index outside", "cannot be", func(r *oldRing) { r.m.put32(imagePhys(oldVars)+16, 5000) }, []string{oldPhysBase}},
		{"a size of nothing", "cannot be", func(r *oldRing) { r.m.put32(imagePhys(oldVars)+8, 0) }, []string{oldPhysBase}},
		{"a huge size", "cannot be", func(r *oldRing) { r.m.put32(imagePhys(oldVars)+8, 0xffffffff) }, []string{oldPhysBase}},
	} {
		r := newOldRing(16, 4096)
		r.fill(200)
		if c.harm != nil {
			c.harm(r)
		}
		if c.name == "before 3.5" {
			info, err := ParseVMCoreInfo(bytes.ReplaceAll(r.vmcoreinfo(oldPhysBase), []byte("(printk_log"), []byte("(other_log_")))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Open(context.Background(), r.m.reader(), testMemory, info); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		rd, err := r.open(c.more...)
		if err == nil {
			_, err = rd.Log(context.Background())
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// FuzzPrintkLog damages a good log: patches of four bytes, where (2, the last 64 KiB being the variables), how, value.
func FuzzPrintkLog(f *testing.F) {
	r := newOldRing(20, 4096)
	r.fill(300)
	info, err := ParseVMCoreInfo(r.vmcoreinfo(oldPhysBase))
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte{})
	f.Add([]byte{0, 8, 0, 0})                   // the first length
	f.Add([]byte{0x80, 16, 2, 1})               // log_next_idx
	f.Add([]byte{0x80, 8, 1, 0xff, 0, 8, 0, 0}) // log_buf_len
	vars, buf := r.m.mem[imagePhys(oldVars):][:48], r.m.mem[r.at(0):][:4096]
	f.Fuzz(func(t *testing.T, patches []byte) {
		rewrite := len(patches)%16 == 0 // it takes most of the time
		before := [2][]byte{bytes.Clone(vars), bytes.Clone(buf)}
		defer func() { copy(vars, before[0]); copy(buf, before[1]) }()
		for ; len(patches) >= 4; patches = patches[4:] {
			p := &buf[(int(patches[0])<<8|int(patches[1]))%len(buf)]
			if patches[0] >= 0x80 {
				p = &vars[int(patches[1])%len(vars)]
			}
			switch patches[2] % 3 {
			case 0:
				*p = patches[3]
			case 1:
				*p ^= patches[3]
			case 2:
				*p += patches[3]
			}
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		rd, err := Open(ctx, r.m.reader(), testMemory, info)
		if err != nil {
			return
		}
		log, err := rd.Log(ctx)
		if err != nil {
			if ctx.Err() != nil {
				t.Fatal(err)
			}
			return
		}
		checkLog(t, log)
		if !rewrite {
			return
		}
		again, err := coreLog(coreOf(t, rd))
		if err != nil {
			t.Fatal(err)
		}
		sameRecords(t, again.Records, log.Records)
	})
}
