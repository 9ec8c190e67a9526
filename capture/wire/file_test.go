// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// write makes a capture in a new folder and returns it with its log.
func write(t *testing.T, finish bool) (string, *Log) {
	t.Helper()
	dir := t.TempDir()
	f := Frame{Baud: 115200, Bits: 10}
	w, err := Create(dir, Virtual, f)
	if err != nil {
		t.Fatal(err)
	}
	l := NewLog(Virtual, f)
	r := rand.New(rand.NewPCG(1, 2))
	now := int64(0)
	for i := range 200 {
		b := make([]byte, 1+r.IntN(50))
		ends := make([]int64, len(b))
		for k := range b {
			b[k] = byte(r.Uint32())
			now += 86805 + int64(r.IntN(2))
			ends[k] = now
		}
		switch i % 10 {
		case 3:
			ends = ends[len(ends)-1:]
		case 5:
			now += 7e9
			m, err := l.AddMark(MarkGap, ends[0]+7e9-1, 1234)
			if err != nil {
				t.Fatal(err)
			}
			if err := w.AddMark(m); err != nil {
				t.Fatal(err)
			}
			for k := range ends {
				ends[k] += 7e9
			}
		}
		if err := w.Append(b, ends...); err != nil {
			t.Fatal(err)
		}
		if err := l.Append(b, ends...); err != nil {
			t.Fatal(err)
		}
	}
	end := w.Abandon
	if finish {
		end = w.Close
	}
	if err := end(); err != nil {
		t.Fatal(err)
	}
	return dir, l
}

func same(t *testing.T, got, want *Log, timed int64) {
	t.Helper()
	if !bytes.Equal(got.Bytes(0, got.Len()), want.Bytes(0, got.Len())) {
		t.Fatal("other bytes")
	}
	for i := range got.Len() {
		a, ok := got.TimeAt(i)
		b, _ := want.TimeAt(i)
		if ok != (i < timed) || ok && a != b {
			t.Fatalf("byte %d of %d ended at %d (%v), want %d", i, timed, a, ok, b)
		}
	}
}

func TestFileRoundTrip(t *testing.T) {
	dir, want := write(t, true)
	got, info, err := LoadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !info.Finished || info.Timed != want.Len() || got.Len() != want.Len() || got.Clock() != Virtual || got.Frame() != want.Frame() {
		t.Errorf("%+v, %d of %d bytes", info, got.Len(), want.Len())
	}
	same(t, got, want, want.Len())
	a, b := got.Marks(), want.Marks()
	if len(a) != 20 || len(a) != len(b) {
		t.Fatalf("%d marks, want %d", len(a), len(b))
	}
	for i := range a {
		if a[i] != b[i] {
			t.Errorf("mark %+v, want %+v", a[i], b[i])
		}
	}
	if _, err := Create(dir, Virtual, Frame{}); err == nil {
		t.Error("a capture was written over")
	}
}

// Back to back at a constant rate costs one byte of index for a byte of wire.
func TestIndexSize(t *testing.T) {
	e := newEncoder(Virtual, Frame{Baud: 115200, Bits: 10})
	ends := make([]int64, 100000)
	for i := range ends {
		ends[i] = 5e9 + int64(i)*781250/9
	}
	e.bytes(len(ends), ends)
	if n := len(e.take()); n > 100100 {
		t.Errorf("%d bytes for %d", n, len(ends))
	}
}

// Killed at any byte: what is there is read, and said to be unfinished.
func TestFileCut(t *testing.T) {
	dir, want := write(t, true)
	bin, _ := os.ReadFile(filepath.Join(dir, BinName))
	idx, _ := os.ReadFile(filepath.Join(dir, IdxName))
	for cut := 0; cut < len(idx); cut += 1 + cut%23 {
		got, info, err := Load(bytes.NewReader(bin), bytes.NewReader(idx[:cut]))
		if err != nil || info.Finished || info.Why == "" {
			t.Fatalf("index cut at %d: %+v, %v", cut, info, err)
		}
		if got.Len() != int64(len(bin)) {
			t.Fatalf("index cut at %d: %d of %d bytes", cut, got.Len(), len(bin))
		}
		same(t, got, want, info.Timed)
	}
	for cut := 0; cut < len(bin); cut += 97 {
		got, info, err := Load(bytes.NewReader(bin[:cut]), bytes.NewReader(idx))
		if err != nil || info.Finished || got.Len() != int64(cut) {
			t.Fatalf("wire cut at %d: %+v, %v", cut, info, err)
		}
		same(t, got, want, info.Timed)
	}
}

func TestFileDamaged(t *testing.T) {
	dir, _ := write(t, true)
	bin, _ := os.ReadFile(filepath.Join(dir, BinName))
	idx, _ := os.ReadFile(filepath.Join(dir, IdxName))
	for i := 0; i < len(idx); i += 1 + i%5 {
		bad := bytes.Clone(idx)
		bad[i] ^= 0x15
		if _, info, err := Load(bytes.NewReader(bin), bytes.NewReader(bad)); err == nil && info.Finished {
			t.Fatalf("byte %d of the index was changed, and nobody saw it", i)
		}
	}
	bin[77] ^= 1
	if _, _, err := Load(bytes.NewReader(bin), bytes.NewReader(idx)); err == nil || !strings.Contains(err.Error(), "wire.bin is damaged") {
		t.Error(err)
	}
	for _, tt := range []struct{ idx, want string }{
		{"", ""},
		{"lpwi", ""},
		{"GARB", "not a wire index"},
		{"GARBAGE!", "not a wire index"},
		{"lpwire\x00\x09\x01\x00\x00", "version 9"},
		{idxMagic + "\x07\x00\x00", "unknown clock 7"},
		{idxMagic + "\x01\x00\x63", "impossible line"},
		{idxMagic + "\x01\x00\x00\x02", ""},
		{idxMagic + "\x01\x00\x00\x06\x01\x01", "at 12: time -1 ns after 0 ns"},
	} {
		_, info, err := Load(bytes.NewReader(nil), strings.NewReader(tt.idx))
		if tt.want == "" && (err != nil || info.Finished) || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%q: %+v, %v", tt.idx, info, err)
		}
	}
}

func TestBareWire(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, BinName), []byte("hello\r\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	l, info, err := LoadDir(dir)
	if err != nil || l.Clock() != NoClock || info.Finished || info.Timed != 0 || l.Len() != 7 {
		t.Errorf("%+v, %v", info, err)
	}
	if _, ok := l.TimeAt(0); ok {
		t.Error("a time out of nothing")
	}
	if _, _, err := LoadFiles(filepath.Join(dir, "none"), ""); err == nil {
		t.Error("no error for no file")
	}
}

func FuzzLoad(f *testing.F) {
	e := newEncoder(Monotonic, Frame{Baud: 9600, Bits: 10})
	e.bytes(3, []int64{1, 2, 3})
	e.mark(Mark{NS: 9, Kind: MarkGap, Count: 4})
	e.bytes(2, []int64{12})
	open := bytes.Clone(e.take())
	f.Add([]byte("hello"), open)
	f.Add([]byte("hell"), open[:len(open)-1])
	e = newEncoder(Virtual, Frame{})
	e.trailer(0, 0)
	f.Add([]byte{}, e.take())
	f.Fuzz(func(t *testing.T, bin, idx []byte) {
		l, info, err := Load(bytes.NewReader(bin), bytes.NewReader(idx))
		if err != nil {
			return
		}
		if l.Len() != int64(len(bin)) || !bytes.Equal(l.Bytes(0, l.Len()), bin) {
			t.Fatal("other bytes")
		}
		if info.Finished != (info.Why == "") || info.Timed > l.Len() {
			t.Fatalf("%+v", info)
		}
		last := int64(0)
		for i := range l.Len() {
			at, ok := l.TimeAt(i)
			if ok != (i < info.Timed) || at < last && ok {
				t.Fatalf("byte %d ended at %d (%v), the one before at %d", i, at, ok, last)
			}
			if ok {
				last = at
			}
		}
		// What was read is written and read again as the same.
		e := newEncoder(l.Clock(), l.Frame())
		for i := range info.Timed {
			at, _ := l.TimeAt(i)
			e.bytes(1, []int64{at})
		}
		m, again, err := Load(bytes.NewReader(bin), bytes.NewReader(e.take()))
		if err != nil || again.Timed != info.Timed {
			t.Fatalf("read again: %+v, %v", again, err)
		}
		same(t, m, l, info.Timed)
	})
}

func BenchmarkLoad(b *testing.B) {
	const n = 1 << 20
	e := newEncoder(Virtual, Frame{Baud: 115200, Bits: 10})
	ends := make([]int64, n)
	for i := range ends {
		ends[i] = int64(i) * 781250 / 9
	}
	e.bytes(n, ends)
	idx, bin := e.take(), make([]byte, n)
	b.SetBytes(n)
	for b.Loop() {
		if _, _, err := Load(bytes.NewReader(bin), bytes.NewReader(idx)); err != nil {
			b.Fatal(err)
		}
	}
}

// Other bytes of the same length get an index with the same times.
func TestReseal(t *testing.T) {
	dir, l := write(t, true)
	idx, err := os.ReadFile(filepath.Join(dir, IdxName))
	if err != nil {
		t.Fatal(err)
	}
	bin := bytes.Repeat([]byte("x"), int(l.Len()))
	again, err := Reseal(idx, l.Bytes(0, l.Len()), bin)
	if err != nil {
		t.Fatal(err)
	}
	got, info, err := Load(bytes.NewReader(bin), bytes.NewReader(again))
	if err != nil || !info.Finished {
		t.Fatalf("%+v, %v", info, err)
	}
	for i := range l.Len() {
		a, _ := l.TimeAt(i)
		b, _ := got.TimeAt(i)
		if a != b {
			t.Fatalf("byte %d: %d ns, was %d", i, b, a)
		}
	}
	if _, err := Reseal(idx, l.Bytes(0, l.Len()), bin[1:]); err == nil {
		t.Error("another length")
	}
}
