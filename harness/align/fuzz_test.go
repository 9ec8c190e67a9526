// SPDX-License-Identifier: Apache-2.0

package align

import (
	"bytes"
	"testing"

	"lastpage/capture/ring"
)

// FuzzAlign takes records and a wire from outside. The ring's text is one
// record a line: its first byte gives the state and level, its second the
// step in time.
func FuzzAlign(f *testing.F) {
	recs := some(6)
	f.Add(image(recs, crlf), []byte("\x06aone\n\x06\x00two\n\x07z\n\x16kthree"), uint8(1), uint64(0))
	f.Add([]byte("[    0.000001] one\r\n[    0.0000\r\n** replaying previous printk message **\r\n[    0.000002] two\r\n"), []byte("\x06\x01one\n\x06\x01two"), uint8(1), uint64(0))
	f.Add([]byte("[    0.000001] on* 3 printk messages dropped **\r\n"), []byte("\x06\x01one\n\x06\x01two"), uint8(1), uint64(5))
	f.Add([]byte("one\r\n\r\nthr# ee\r\n"), []byte("\x06\x01one\n\x06\x01\n\x06\x01three words and more"), uint8(0), uint64(0))
	f.Fuzz(func(t *testing.T, wire, text []byte, format uint8, seq uint64) {
		if len(wire) > 1<<16 || len(text) > 1<<16 {
			return
		}
		in := Input{Wire: wire, Levels: []Level{{Loglevel: 7}}, Opts: ring.ConsoleOpts{
			CRLF: format&1 != 0 || format == 0, Time: format&1 != 0, Caller: format&2 != 0, Syslog: format&4 != 0}}
		us := uint64(0)
		for i, line := range bytes.Split(text, []byte("\n")) {
			if len(line) < 2 || i > 1000 {
				continue
			}
			us += uint64(line[1])
			r := ring.Record{Seq: seq + uint64(i), TsNsec: us * 1000, Level: line[0] & 7, Caller: uint32(line[0] >> 7), State: ring.Finalized}
			r.Text = bytes.ReplaceAll(line[2:], []byte{0}, []byte{'\n'})
			r.TextLen = len(r.Text)
			switch line[0] >> 4 & 7 {
			case 1:
				r.State, r.Data, r.Text = ring.Reserved, ring.DataNone, nil
			case 2:
				r.Data, r.Text = ring.DataLost, nil
			case 3:
				r.State = ring.Committed
			case 4:
				r.Data, r.Text = ring.DataEmpty, nil
			}
			in.Records = append(in.Records, r)
		}
		check(t, in, Align(in))
		Detect(wire, in.Records)
	})
}
