// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"bytes"
	"context"
	"io"
	"testing"
	"time"
)

// checkLog states what holds for every log that was decoded without an error, whatever the memory was.
func checkLog(t *testing.T, log *Log) {
	t.Helper()
	if len(log.Records) > log.Descriptors {
		t.Fatalf("%d records of %d descriptors", len(log.Records), log.Descriptors)
	}
	if len(log.Problems) > maxProblems {
		t.Fatalf("%d problems", len(log.Problems))
	}
	for i := range log.Records {
		rec := &log.Records[i]
		if i > 0 && rec.Seq != (log.Records[i-1].Seq+1)&idMask {
			t.Fatalf("seq %d after %d", rec.Seq, log.Records[i-1].Seq)
		}
		if len(rec.Text) > rec.TextLen || int64(len(rec.Text)) > log.DataSize || rec.Data != DataText && rec.Text != nil {
			t.Fatalf("record %d: %s, %d bytes of text, text_len %d", rec.Seq, rec.Data, len(rec.Text), rec.TextLen)
		}
		if n := len(ConsoleText(rec, ConsoleOpts{Time: true, Caller: true, Syslog: true})); n > ConsoleBuffer {
			t.Fatalf("record %d: %d bytes for the console", rec.Seq, n)
		}
	}
	for _, write := range []func(io.Writer, *Log) error{WriteDmesg, WriteJSON} {
		if err := write(io.Discard, log); err != nil {
			t.Fatal(err)
		}
	}
}

// fuzzMachine is a machine to be damaged: every part of what the decoder reads, by number.
type fuzzMachine struct {
	m     *machine
	info  *VMCoreInfo
	parts [][]byte
}

func newFuzzMachine(f *testing.F) *fuzzMachine {
	m := newMachine(4)
	r := m.newRing(prbOpts{countBits: 5, dataBits: 9, grown: pageShift})
	for i := range 60 {
		r.printk(Record{TsNsec: uint64(i), State: Finalized, Text: bytes.Repeat([]byte{'x'}, i%30)})
	}
	r.reserve(9)
	r.printk(Record{State: Committed, Text: []byte("last")})
	m.console(testImage+0x10000, conEnabled|conNbcon, 1)
	info, err := ParseVMCoreInfo(m.vmcoreinfo())
	if err != nil {
		f.Fatal(err)
	}
	part := func(phys, n uint64) []byte { return m.mem[phys : phys+n] }
	return &fuzzMachine{m: m, info: info, parts: [][]byte{
		part(r.header(), 88), part(r.descs(0), 32*24), part(r.infos(0), 32*88), part(r.data(0), 512),
		part(imagePhys(prbPointer), 8), part(m.root, pageSize), part(3<<20, 8*pageSize), // the tables below the top one
		part(imagePhys(testImage+0x10000), conSize+4),
	}}
}

// damage applies patches of six bytes: part, offset (2), how (set, xor, add), which byte, value. It returns how to undo them.
func (z *fuzzMachine) damage(patches []byte) (undo func()) {
	before := make([][]byte, len(z.parts))
	for i := range z.parts {
		before[i] = bytes.Clone(z.parts[i])
	}
	for ; len(patches) >= 6; patches = patches[6:] {
		p := z.parts[int(patches[0])%len(z.parts)]
		at := (int(patches[1])<<8 | int(patches[2])) * 8 % len(p)
		b := &p[(at+int(patches[4])%8)%len(p)]
		switch patches[3] % 3 {
		case 0:
			*b = patches[5]
		case 1:
			*b ^= patches[5]
		case 2:
			*b += patches[5]
		}
	}
	return func() {
		for i := range z.parts {
			copy(z.parts[i], before[i])
		}
	}
}

// FuzzDecode damages the memory of a good machine.
func FuzzDecode(f *testing.F) {
	z := newFuzzMachine(f)
	f.Add([]byte{})
	f.Add([]byte{0, 0, 3, 0, 0, 0x10})                // head_id
	f.Add([]byte{1, 0, 4, 1, 0, 1, 1, 0, 5, 0, 0, 9}) // a block's positions
	f.Add([]byte{3, 0, 0, 2, 3, 1})                   // a block's id
	f.Add([]byte{5, 1, 17, 1, 0, 1})                  // a page table's entry
	f.Add([]byte{7, 0, 20, 0, 0, 0xff})               // a console's state
	f.Fuzz(func(t *testing.T, patches []byte) {
		defer z.damage(patches)()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		rd, err := Open(ctx, z.m.reader(), testMemory, z.info)
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
		if _, err := rd.Consoles(ctx); err != nil && ctx.Err() != nil {
			t.Fatal(err)
		}
		tail, err := rd.Since(ctx, log.NextSeq-min(log.NextSeq, 3))
		if err != nil {
			t.Fatalf("all can be read, but not the end: %v", err)
		}
		checkLog(t, tail)
		var core bytes.Buffer
		if err := rd.WriteCore(ctx, &core); err != nil {
			t.Fatalf("all can be read, but not written: %v", err)
		}
		again, err := coreLog(core.Bytes())
		if err != nil {
			t.Fatalf("the core cannot be read: %v", err)
		}
		sameRecords(t, again.Records, log.Records)
	})
}

// FuzzVMCoreInfo: what was accepted is accepted again and says the same.
func FuzzVMCoreInfo(f *testing.F) {
	m := newMachine(4)
	f.Add(m.vmcoreinfo())
	f.Add([]byte("OSRELEASE=1\nPAGESIZE=4096\nSYMBOL(prb)=0\nNUMBER(a)=-1\n"))
	z := newFuzzMachine(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := ParseVMCoreInfo(b)
		if err != nil {
			return
		}
		if v.Release == "" || v.PageSize < 4096 || len(v.Text) > maxVMCoreInfo {
			t.Fatalf("accepted %+v", v)
		}
		again, err := ParseVMCoreInfo(v.Text)
		if err != nil || len(again.symbols) != len(v.symbols) || len(again.numbers) != len(v.numbers) || again.Release != v.Release {
			t.Fatalf("again: %+v %v", again, err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		log, err := Decode(ctx, z.m.reader(), testMemory, v)
		if err == nil {
			checkLog(t, log)
		} else if ctx.Err() != nil {
			t.Fatal(err)
		}
	})
}

// FuzzOpenCore: any file (whole), or a good core with damage: patches of five bytes, offset (3), how, value, and cut short by so many
// bytes.
func FuzzOpenCore(f *testing.F) {
	z := newFuzzMachine(f)
	rd, err := Open(context.Background(), z.m.reader(), testMemory, z.info)
	if err != nil {
		f.Fatal(err)
	}
	var core bytes.Buffer
	if err := rd.WriteCore(context.Background(), &core); err != nil {
		f.Fatal(err)
	}
	good := core.Bytes()
	f.Add(true, uint16(0), good[:ehdrSize+phdrSize])
	f.Add(true, uint16(0), []byte("KDUMP   "))
	f.Add(false, uint16(0), []byte{})
	f.Add(false, uint16(9000), []byte{0, 0, 56, 0, 200})
	f.Add(false, uint16(0), []byte{0, 0, ehdrSize + phdrSize + 24, 1, 0x10, 0, 0, ehdrSize + 2*phdrSize + 32, 2, 0x80})
	f.Fuzz(func(t *testing.T, whole bool, cut uint16, b []byte) {
		if !whole {
			file := bytes.Clone(good[:len(good)-min(len(good), int(cut))])
			for ; len(b) >= 5 && len(file) > 0; b = b[5:] {
				at := int(b[0])<<16 | int(b[1])<<8 | int(b[2])
				if b[0] >= 128 { // mostly the headers and notes
					at &= 0xfff
				}
				switch p := &file[at%len(file)]; b[3] % 3 {
				case 0:
					*p = b[4]
				case 1:
					*p ^= b[4]
				case 2:
					*p += b[4]
				}
			}
			b = file
		}
		c, err := NewCore(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		log, err := c.Log(ctx)
		if err == nil {
			checkLog(t, log)
		} else if ctx.Err() != nil {
			t.Fatal(err)
		}
	})
}
