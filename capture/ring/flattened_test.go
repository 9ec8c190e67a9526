// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand"
	"strings"
	"testing"
)

// flatHead is the header of a flattened dump.
func flatHead() []byte {
	b := make([]byte, flatHeader)
	copy(b, flatMagic)
	binary.BigEndian.PutUint64(b[16:], 1)
	binary.BigEndian.PutUint64(b[24:], 1)
	return b
}

func flatPiece(b []byte, off int64, data []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(off))
	b = binary.BigEndian.AppendUint64(b, uint64(len(data)))
	return append(b, data...)
}

func flatEnd(b []byte) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, ^uint64(0)), ^uint64(0))
}

// flatten writes a file in pieces, the first of them last, as it is done when a header is not known before the end.
func flatten(file []byte, size int) []byte {
	b := flatHead()
	for off := size; off < len(file); off += size {
		b = flatPiece(b, int64(off), file[off:min(len(file), off+size)])
	}
	return flatEnd(flatPiece(b, 0, file[:min(len(file), size)]))
}

// Pieces in any order, over each other and with holes between them, against a file that was written in that order.
func TestFlattenedOverlaps(t *testing.T) {
	for seed := range int64(300) {
		rnd := rand.New(rand.NewSource(seed))
		b, want := flatHead(), []byte{}
		for range 1 + rnd.Intn(12) {
			data := make([]byte, 1+rnd.Intn(50))
			rnd.Read(data)
			off := rnd.Intn(200)
			b = flatPiece(b, int64(off), data)
			if n := off + len(data); n > len(want) {
				want = append(want, make([]byte, n-len(want))...)
			}
			copy(want[off:], data)
		}
		f, err := newFlattened(t.Context(), bytes.NewReader(flatEnd(b)))
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(want)+10)
		n, err := f.ReadAt(got, 0)
		if !errors.Is(err, io.EOF) || f.Size() != int64(len(want)) || !bytes.Equal(got[:n], want) || f.cut != "" {
			t.Fatalf("seed %d: %v, %d bytes of %d", seed, err, n, len(want))
		}
		for range 20 {
			at := rnd.Intn(len(want))
			got := make([]byte, 1+rnd.Intn(len(want)-at))
			if _, err := f.ReadAt(got, int64(at)); err != nil || !bytes.Equal(got, want[at:at+len(got)]) {
				t.Fatalf("seed %d: %d bytes at %d: %v", seed, len(got), at, err)
			}
		}
	}
}

func TestHostileFlattened(t *testing.T) {
	be := binary.BigEndian.AppendUint64
	for _, c := range []struct {
		name, want string
		in         []byte
	}{
		{"short", "inside the header of a flattened dump", []byte(flatMagic)},
		{"type", "type 7, version 1", append(append([]byte(flatMagic+"\x00\x00\x00"), be(be(nil, 7), 1)...), 0)},
		{"nothing", "without any data", flatHead()},
		{"only an end", "without any data", flatEnd(flatHead())},
		{"huge piece", "ends at byte 4112, inside a piece of 9223372036854775807 bytes", be(be(flatHead(), 0), 1<<63-1)},
		{"overflow", "cannot be", be(be(flatHead(), 1<<63-1), 1<<63-1)},
		{"negative", "cannot be", be(be(flatHead(), ^uint64(4)), 16)},
		{"empty piece", "cannot be", be(be(flatHead(), 0), 0)},
		{"text", "not a kernel's log", flatEnd(flatPiece(flatHead(), 0, []byte("hello, world")))},
		{"flattened twice", "no kind that is known", flatten(flatten([]byte("hello"), 100), 100)},
		{"cut", "without its end mark", flatPiece(flatHead(), 0, []byte(kdMagic+strings.Repeat("\x00", 500)))},
	} {
		if _, err := loaded(t, LoadOptions{}, c.in); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
}
