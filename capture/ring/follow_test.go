// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestWait(t *testing.T) {
	m := newMachine(4)
	r := m.newRing(small)
	rd := m.open(t)
	text := func(s string) func(*Record) bool {
		return func(rec *Record) bool { return strings.Contains(string(rec.Text), s) }
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()

	r.printk(Record{State: Finalized, Text: []byte("first")})
	if rec, lost, err := rd.Wait(ctx, 0, time.Millisecond, text("first")); err != nil || rec.Seq != 0 || lost != 0 {
		t.Errorf("%+v %d %v", rec, lost, err)
	}
	// A record that is extended after it was seen is shown again.
	cont := r.printk(Record{State: Committed, Text: []byte("half")})
	looks := 0
	rec, _, err := rd.Wait(ctx, 1, time.Millisecond, func(rec *Record) bool {
		if looks++; looks == 3 {
			cont.Text, cont.TextLen, cont.State = []byte("hal."), 4, Finalized
			r.text(r.id(cont.Seq), cont.Text)
			r.setState(r.id(cont.Seq), Finalized)
		}
		return string(rec.Text) == "hal."
	})
	if err != nil || rec.Seq != 1 || looks != 4 {
		t.Errorf("%+v %v, %d looks", rec, err, looks)
	}
	// Overwritten before anybody looked: counted.
	for range 40 {
		r.printk(Record{State: Finalized, Text: []byte("noise")})
	}
	r.printk(Record{State: Finalized, Text: []byte("needle")})
	rec, lost, err := rd.Wait(ctx, 2, time.Millisecond, text("needle"))
	log, logErr := rd.Log(ctx)
	if err != nil || logErr != nil || rec.Seq != 42 || lost == 0 || lost != log.Overwritten-2 {
		t.Errorf("seq %d, lost %d, overwritten %d, %v %v", rec.Seq, lost, log.Overwritten, err, logErr)
	}
	short, stop := context.WithTimeout(context.Background(), 5*time.Millisecond)
	defer stop()
	if _, _, err := rd.Wait(short, 0, time.Millisecond, text("never")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("never: %v", err)
	}
}

func TestRAM(t *testing.T) {
	m, rd := sample(t, 4, prbOpts{countBits: 6, dataBits: 11, grown: 12})
	m.plant(2<<20, m.vmcoreinfo())
	want, err := rd.Log(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "ram")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for off := 0; off < len(m.mem); off += pageSize { // with holes, as a guest leaves them
		for _, c := range m.mem[off : off+pageSize] {
			if c != 0 {
				if _, err := f.WriteAt(m.mem[off:off+pageSize], int64(off)); err != nil {
					t.Fatal(err)
				}
				break
			}
		}
	}
	if err := f.Truncate(testMemory); err != nil {
		t.Fatal(err)
	}
	ram, err := OpenRAM(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ram.Close() }()
	info, err := FindVMCoreInfo(context.Background(), ram, ram.Size())
	if err != nil {
		t.Fatal(err)
	}
	log, err := Decode(context.Background(), ram, ram.Size(), info)
	if err != nil {
		t.Fatal(err)
	}
	sameRecords(t, log.Records, want.Records)
	// The file is cut under the mapping: an error, not a dead process.
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := Decode(context.Background(), ram, ram.Size(), info); err == nil {
		t.Error("reading past the end of a cut file")
	}
	if _, err := OpenRAM(path); err == nil || !strings.Contains(err.Error(), "empty") {
		t.Errorf("empty: %v", err)
	}
}
