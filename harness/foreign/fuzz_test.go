// SPDX-License-Identifier: Apache-2.0

package foreign

import (
	"bytes"
	"testing"

	"lastpage/capture/ring"
)

// Whatever the bytes are: boots lie in the file in order, the text is of the judged one, and nothing of it is made up but line ends.
func FuzzExamine(f *testing.F) {
	for _, s := range []string{
		"", "\n", "\r", "[    0.000000] Linux version 6.12.1 (a@b) #1 SMP\r\n[    0.100000] some driver: hello there\r\n",
		"[0.1 0.1] [    0.000000] Linux version 6.12.1 (a@b)\n[0.2 0.1] [    0.100000] some driver: hello there\n[0.3 0.1] [    0.200000] x\n",
		"\x1b[32m[    0.000000]\x1b[0m some driver: hello there\r\r\nlab login: ",
		"ello there\r\n[    5.000000] Kernel panic - not syncing: x\r\n[    0.000000] Linux version 6.1 (x)\r\n",
		"<6>[    1.000000][    T1] some driver: hello there\n\x00\x00\x00<4>no\n",
	} {
		f.Add([]byte(s), true)
		f.Add([]byte(s), false)
	}
	log := &ring.Log{Release: "6.12.1"}
	for i, text := range []string{"Linux version 6.12.1 (a@b) #1 SMP", "some driver: hello there", "Kernel panic - not syncing: x"} {
		log.Records = append(log.Records, ring.Record{Seq: uint64(i), TsNsec: uint64(i) * 1e8, Level: 5, State: ring.Finalized, Text: []byte(text), TextLen: len(text)})
	}
	f.Fuzz(func(t *testing.T, wire []byte, withDump bool) {
		l := log
		if !withDump {
			l = nil
		}
		x := Examine(wire, l)
		end := int64(0)
		for _, b := range x.Boots {
			if b.Start < end || b.End < b.Start || b.End > int64(len(wire)) {
				t.Fatalf("boot %d to %d after %d, of %d", b.Start, b.End, end, len(wire))
			}
			end = b.End
		}
		if n := bytes.Count(wire, []byte("\n")) + bytes.Count(wire, []byte("\r")) + 1; len(x.Text) > len(wire)+2*n {
			t.Fatalf("%d bytes of text from %d", len(x.Text), len(wire))
		}
		if len(x.Text) > 0 && (x.Judged < 0 || x.Judged >= len(x.Boots)) {
			t.Fatalf("text of boot %d of %d", x.Judged, len(x.Boots))
		}
		for _, at := range []int64{0, int64(len(x.Text)) / 2, int64(len(x.Text))} {
			if o := x.Origin(at); o < 0 || o > int64(len(wire)) && len(x.Text) > 0 {
				t.Fatalf("byte %d of the text is byte %d of the file", at, o)
			}
		}
	})
}
