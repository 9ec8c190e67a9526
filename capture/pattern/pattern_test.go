// SPDX-License-Identifier: Apache-2.0

package pattern

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

var test = Stream{0x1234abcd, Binary}

func (s Stream) all(frames int64) []byte { return s.Writer(frames).Next(nil, int(frames)) }

// judged is what a reader makes of bytes that come in pieces of n.
func judged(r *Reader, b []byte, n int) Result {
	for len(b) > 0 {
		k := min(n, len(b))
		r.Feed(b[:k])
		b = b[k:]
	}
	return r.Finish()
}

func balanced(t *testing.T, r Result) {
	t.Helper()
	if got := r.Before + r.Matched + r.Changed + r.Doubled + r.Inserted + r.After; got != r.Received {
		t.Errorf("%d bytes came, %d are accounted for: %+v", r.Received, got, r)
	}
	if got := r.Matched + r.Changed + r.Lost; got != r.End-r.First {
		t.Errorf("%d bytes were sent, %d are accounted for: %+v", r.End-r.First, got, r)
	}
}

// What was done to a stream is said, to the byte.
func TestFaults(t *testing.T) {
	for _, form := range []Form{Binary, Text} {
		s := Stream{0x1234abcd, form}
		all := s.all(100)
		join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
		change := func(at, n int) []byte {
			b := bytes.Clone(all)
			for i := range n {
				b[at+i] ^= 0x15
			}
			return b
		}
		for _, c := range []struct {
			name string
			came []byte
			want []Fault // without what was shown
		}{
			{"nothing", all, nil},
			{"one byte is lost", join(all[:1000], all[1001:]), []Fault{{Kind: Lost, At: 1000, Bytes: 1}}},
			{"the first byte is lost", all[1:], []Fault{{Kind: Lost, At: 0, Bytes: 1}}},
			{"the last byte is lost", all[:len(all)-1], []Fault{{Kind: Lost, At: 6399, Bytes: 1}}},
			{"the last frames are lost", all[:len(all)-2*FrameBytes], []Fault{{Kind: Lost, At: 6272, Bytes: 128}}},
			{"16 bytes are lost", join(all[:1000], all[1016:]), []Fault{{Kind: Lost, At: 1000, Bytes: 16}}},
			{"20 frames are lost", join(all[:1000], all[2280:]), []Fault{{Kind: Lost, At: 1000, Bytes: 1280}}},
			{"one byte is changed", change(2020, 1), []Fault{{Kind: Changed, At: 2020, Bytes: 1}}},
			{"30 bytes are changed", change(2020, 30), []Fault{{Kind: Changed, At: 2020, Bytes: 30}}},
			{"one byte is doubled", join(all[:3018], all[3017:]), []Fault{{Kind: Doubled, At: 3017, Bytes: 1}}},
			{"200 bytes are doubled", join(all[:3200], all[3000:]), []Fault{{Kind: Doubled, At: 3000, Bytes: 200}}},
			{"a line is inserted", join(all[:640], []byte("[    1.000000] usb 1-1: a device\r\n"), all[640:]), []Fault{{Kind: Inserted, At: 640, Bytes: 34}}},
			{"two faults in a frame", join(all[:650], all[651:690], []byte{'~', '~'}, all[690:]), []Fault{{Kind: Lost, At: 650, Bytes: 1}, {Kind: Inserted, At: 690, Bytes: 2}}},
			{"two frames are exchanged", join(all[:640], all[704:768], all[640:704], all[768:]), []Fault{{Kind: Lost, At: 640, Bytes: 64}, {Kind: Inserted, At: 768, Bytes: 64}}},
			{"nothing came", nil, []Fault{{Kind: Lost, At: 0, Bytes: 6400}}},
		} {
			t.Run(fmt.Sprint(form, " ", c.name), func(t *testing.T) {
				r := s.Reader()
				r.Sent(100)
				res := judged(r, c.came, 7)
				balanced(t, res)
				if len(res.Faults) != len(c.want) || res.Total != int64(len(c.want)) || !res.Ended {
					t.Fatalf("%+v, want %+v", res, c.want)
				}
				for i, f := range res.Faults {
					w := c.want[i]
					near := f.At == w.At
					for at := min(f.At, w.At); !near && at < max(f.At, w.At); at++ { // the loss of one of two equal bytes, and its like
						near = all[at] == all[at+w.Bytes]
						if !near {
							break
						}
					}
					if f.Kind != w.Kind || f.Bytes != w.Bytes || f.Coarse || !near {
						t.Errorf("%+v, want %+v", f, w)
					}
				}
			})
		}
	}
}

// Whoever joins a stream on its way, with other words around it, judges what he gets.
func TestJoined(t *testing.T) {
	all := test.all(100)
	r := NewReader(Binary)
	res := judged(r, append(append([]byte("login: "), all[100:2000]...), append(bytes.Clone(all[2001:]), "# "...)...), 100)
	balanced(t, res)
	if res.Before != 7 || res.First != 100 || res.After != 2 || res.Lost != 1 || res.Total != 1 || !res.Ended {
		t.Errorf("%+v", res)
	}
	// And who leaves it on its way.
	res = judged(NewReader(Binary), append(all[:1000:1000], all[1001:1030]...), 11)
	balanced(t, res)
	if res.Ended || res.Lost != 1 || res.End != 1030 || res.Total != 1 {
		t.Errorf("%+v", res)
	}
	// Words before a stream whose first bytes are lost.
	res = judged(test.Reader(), append([]byte("lastpage-report 7 00000000\r\n"), all[3:]...), 11)
	balanced(t, res)
	if res.Before != 28 || res.Lost != 3 || res.Total != 1 || !res.Ended {
		t.Errorf("%+v", res)
	}
	// And after one whose last bytes are.
	r = test.Reader()
	r.Sent(100)
	res = judged(r, append(all[:len(all)-5:len(all)-5], "lastpage-report 7 00000000\r\n"...), 11)
	balanced(t, res)
	if res.After != 28 || res.Lost != 5 || res.Total != 1 || !res.Ended {
		t.Errorf("%+v", res)
	}
}

// A line that loses bytes all the time is still accounted for one by one.
func TestBadLine(t *testing.T) {
	for _, percent := range []int{1, 5, 20} {
		rng := rand.New(rand.NewPCG(1, uint64(percent)))
		all := test.all(2000)
		var came []byte
		lost := int64(0)
		for _, c := range all {
			if rng.IntN(100) < percent {
				lost++
				continue
			}
			came = append(came, c)
		}
		r := test.Reader()
		r.Sent(2000)
		res := judged(r, came, 1000)
		balanced(t, res)
		if res.Lost-res.Inserted-res.Doubled != lost || res.Changed+res.Inserted+res.Doubled > lost/20 {
			t.Errorf("%d %%, %d bytes were lost: lost %d, changed %d, inserted %d, doubled %d", percent, lost, res.Lost, res.Changed, res.Inserted, res.Doubled)
		}
	}
}

// At another rate nothing is recognised, and nothing is made up.
func TestNoise(t *testing.T) {
	noise := make([]byte, 700_000)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = byte(rng.Uint32())
	}
	res := judged(NewReader(Binary), noise, 4096)
	if balanced(t, res); res.Before != int64(len(noise)) || res.Total != 0 {
		t.Errorf("%+v", res)
	}
	all := test.all(20000) // a good beginning, much noise, a good end
	res = judged(test.Reader(), append(append(all[:6400:6400], noise...), all[706_400:]...), 4096)
	balanced(t, res)
	if res.Changed != 700_000 || res.Lost+res.Inserted != 0 || !res.Faults[0].Coarse || !res.Ended {
		t.Errorf("%d changed, %d lost, %d inserted: %+v", res.Changed, res.Lost, res.Inserted, res.Faults)
	}
}

// The two forms keep to their alphabets.
func TestForms(t *testing.T) {
	for i, c := range (Stream{7, Text}).all(200) {
		if at := i % FrameBytes; at < FrameBytes-2 && bytes.IndexByte([]byte(digits), c) < 0 || at == FrameBytes-2 && c != '\r' || at == FrameBytes-1 && c != '\n' {
			t.Fatalf("byte %d of a line is %q", at, c)
		}
	}
	var seen [256]bool
	for _, c := range (Stream{7, Binary}).all(200) {
		seen[c] = true
	}
	for c, ok := range seen {
		if !ok {
			t.Errorf("byte %#x is never sent", c)
		}
	}
}

// The end of a stream is known although not all of its last frames came.
func TestEnd(t *testing.T) {
	w := test.Writer(-1)
	b := w.Next(nil, 10)
	w.End()
	b = w.Next(b, 100)
	if w.Made() != 10+Tail || !w.Over() || len(b) != (10+Tail)*FrameBytes {
		t.Fatalf("%d frames, %d bytes", w.Made(), len(b))
	}
	r := NewReader(Binary)
	res := judged(r, b[:12*FrameBytes], 64)
	if balanced(t, res); res.Lost != 2*FrameBytes || !res.Ended || res.Total != 1 {
		t.Errorf("%+v", res)
	}
}

func BenchmarkReader(b *testing.B) {
	all := test.all(1 << 14)
	b.SetBytes(int64(len(all)))
	for b.Loop() {
		r := test.Reader()
		r.Feed(all)
		if res := r.Finish(); !res.Clean() {
			b.Fatal(res)
		}
	}
}
