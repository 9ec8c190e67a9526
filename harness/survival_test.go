// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"testing"

	"lastpage/capture/ring"
	"lastpage/capture/wire"
	"lastpage/harness/align"
)

// What a survival says of any moment is what an alignment of the wire cut off at that moment says.
func TestSurvivalIsTheWireCutOff(t *testing.T) {
	opts := ring.ConsoleOpts{Time: true, CRLF: true}
	var recs []ring.Record
	for i, text := range []string{"older than the provocation", "one", "two", "three", "never sent"} {
		recs = append(recs, ring.Record{Seq: uint64(i), TsNsec: uint64(i) * 1e6, Level: 4, State: ring.Finalized, Text: []byte(text), TextLen: len(text)})
	}
	var data []byte
	for _, i := range []int{0, 2, 1, 3} { // out of order, as a newest-first strategy sends
		data = append(data, ring.ConsoleText(&recs[i], opts)...)
	}
	const byteNS = 86806
	log := wire.NewLog(wire.Virtual, wire.Frame{Baud: 115200, Bits: 10})
	ends := make([]int64, len(data))
	for i := range ends {
		ends[i] = int64(i+1) * byteNS
	}
	if err := log.Append(data, ends...); err != nil {
		t.Fatal(err)
	}
	log.Close(nil)
	fromByte := int64(len(ring.ConsoleText(&recs[0], opts)))
	from := fromByte * byteNS
	s := survival(align.Align(align.Input{Wire: data, Records: recs, Opts: opts}), log, from, fromByte)
	if s.Unsent != 1 || len(s.Records) != 3 || s.Records[0].Seq != 2 || s.Records[2].Seq != 3 {
		t.Fatalf("%+v", s)
	}
	for cut := fromByte; cut <= int64(len(data)); cut++ {
		whole := 0
		a := align.Align(align.Input{Wire: data[:cut], Records: recs, Opts: opts})
		for i := range a.Entries {
			e := &a.Entries[i]
			if e.Rec > 0 && e.Best >= 0 && e.Occ[e.Best].Whole {
				whole++
			}
		}
		if n, _ := s.At((cut)*byteNS - from); n != whole {
			t.Errorf("power gone after byte %d: %d records, the wire until then has %d", cut, n, whole)
		}
	}
}
