// SPDX-License-Identifier: Apache-2.0

package pattern

import (
	"bytes"
	"reflect"
	"testing"
)

// spoil does to a stream what script says, four bytes an order, and gives what comes of it with how many bytes it has lost, changed or added.
func spoil(all, script []byte) (came []byte, touched int) {
	at := 0
	for ; len(script) >= 4; script = script[4:] {
		to := min(len(all), at+int(script[1])*4)
		came = append(came, all[at:to]...)
		at = to
		n := int(script[2])%80 + 1
		switch script[0] % 4 {
		case 0:
			n = min(n, len(all)-at)
			at += n
		case 1:
			n = min(n, len(all)-at)
			for _, c := range all[at : at+n] {
				came = append(came, c^(script[3]|1))
			}
			at += n
		case 2:
			n = min(n, len(came))
			came = append(came, came[len(came)-n:]...)
		case 3:
			for i := range n {
				came = append(came, script[3]+byte(i))
			}
		}
		touched += n
	}
	return append(came, all[at:]...), touched
}

// Every byte is accounted for, whatever was done to a stream, and in whatever pieces it comes; nothing that was not touched is blamed.
func FuzzReader(f *testing.F) {
	f.Add([]byte{}, byte(0), byte(1))
	f.Add([]byte{0, 10, 0, 0}, byte(0), byte(7))
	f.Add([]byte{0, 10, 15, 0, 1, 100, 3, 9, 2, 30, 70, 0, 3, 1, 40, 65}, byte(1), byte(64))
	f.Add([]byte{2, 255, 79, 0, 2, 0, 79, 0, 0, 0, 79, 0}, byte(3), byte(255))
	f.Fuzz(func(t *testing.T, script []byte, how, piece byte) {
		if len(script) > 400 {
			script = script[:400]
		}
		const frames = 60
		s := Stream{99, Form(how & 1)}
		all := s.all(frames)
		came, touched := spoil(all, script)
		reader := func() *Reader {
			if how&2 != 0 {
				return NewReader(s.Form)
			}
			r := s.Reader()
			r.Sent(frames)
			return r
		}
		res := judged(reader(), came, int(piece)+1)
		balanced(t, res)
		if other := judged(reader(), came, len(came)+1); !reflect.DeepEqual(res, other) {
			t.Errorf("in pieces of %d: %+v\nin one: %+v", int(piece)+1, res, other)
		}
		if how&2 != 0 {
			return
		}
		if res.End != frames*FrameBytes || !res.Ended {
			t.Errorf("judged up to %d: %+v", res.End, res)
		}
		if bad := res.Lost + res.Changed + res.Doubled + res.Inserted; bad > int64(touched) {
			t.Errorf("%d bytes were touched, %d are blamed: %+v", touched, bad, res)
		}
		if same := bytes.Equal(came, all); same && !res.Clean() || !same && res.Clean() && res.Before+res.After == 0 {
			t.Errorf("the stream is as it was: %v; %+v", same, res)
		}
	})
}
