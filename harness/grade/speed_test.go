// SPDX-License-Identifier: Apache-2.0

package grade

import (
	"bytes"
	"testing"
)

// A wire of 60 MB that nobody of us recorded, examined and graded: bytes/s.
func BenchmarkForeign(b *testing.B) {
	log := dumped(b, "panic")
	whole := sent(log, 7)
	chatter := bytes.Repeat([]byte("[  123.456789] some driver: says the same again and again, as drivers do\r\n"), 60<<20/75)
	at := bytes.Index(whole, []byte("Kernel panic"))
	at = bytes.LastIndexByte(whole[:at], '\n') + 1
	data := cat(whole[:at], chatter, whole[at:])
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if g := Make(Input{Wire: bareWire(b, data), Ring: log}); g.Sections[Panic].Wire.Records != 18 {
			b.Fatalf("%d records of the panic", g.Sections[Panic].Wire.Records)
		}
	}
}
