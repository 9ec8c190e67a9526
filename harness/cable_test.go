// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"lastpage/capture/ring"
	"lastpage/capture/wire"
	"lastpage/harness/grade"
	"lastpage/kernels/plan"
)

// cabled is a wire as a cable brings it, with the records that it carries; drop says which bytes do not come.
func cabled(t *testing.T, drop func(i int) bool) grade.Input {
	t.Helper()
	rl := &ring.Log{Release: "6.12"}
	var sent []byte
	for i := range 300 {
		r := plan.Record{RunID: "0123abcd", Kind: plan.KindBacklog, N: uint32(i), Len: 80}
		rec := ring.Record{Seq: uint64(i), TsNsec: uint64(1e9 + i*1000), State: ring.Finalized, Text: r.Text(), Level: 6}
		rec.TextLen = len(rec.Text)
		rl.Records = append(rl.Records, rec)
		sent = append(sent, ring.ConsoleText(&rec, ring.ConsoleOpts{Time: true, CRLF: true})...)
	}
	rl.NextSeq = uint64(len(rl.Records))
	log := wire.NewLog(wire.Monotonic, wire.Frame{Baud: 115200, Bits: 10})
	for i, b := range sent {
		if drop(i) {
			continue
		}
		if err := log.Append([]byte{b}, int64(i)*86805); err != nil {
			t.Fatal(err)
		}
	}
	log.Close(nil)
	return grade.Input{Wire: log, WireFinished: true, Ring: rl, RunID: "0123abcd", BacklogRecords: 300}
}

// lineBytes is how long each line is.
const lineBytes = 80 + len("[    1.000000] \r\n")

// Of a trial whose cable dropped bytes no letter is given: what we lost is not the kernel's.
func TestCableDrops(t *testing.T) {
	whole := grade.Make(cabled(t, func(int) bool { return false }))
	if len(whole.Void) > 0 || whole.Letter != "A" {
		t.Fatalf("nothing was dropped: letter %q, void %v", whole.Letter, whole.Void)
	}
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		one := 100 + r.IntN(20000)
		// A hole that ends with a line looks as a tear by the kernel itself does: nothing in the bytes tells the two apart.
		inside := func(n int) bool { end := (one + n) % lineBytes; return end > 0 && end < lineBytes-5 }
		for !inside(1) || !inside(16) || !inside(300) {
			one++
		}
		for name, drop := range map[string]func(int) bool{
			"1 %":      func(int) bool { return r.IntN(100) == 0 },
			"0.01 %":   func(i int) bool { return i == one || r.IntN(10000) == 0 },
			"one byte": func(i int) bool { return i == one },
			"16 bytes": func(i int) bool { return i >= one && i < one+16 },
			"300":      func(i int) bool { return i >= one && i < one+300 },
		} {
			t.Run(fmt.Sprintf("%s/%d", name, seed), func(t *testing.T) {
				g := grade.Make(cabled(t, drop))
				if g.Letter != "" || !strings.Contains(strings.Join(g.Void, " "), "the cable lost, changed or doubled bytes") {
					t.Errorf("from byte %d (%d of its line): letter %q, void %v", one, one%lineBytes, g.Letter, g.Void)
				}
			})
		}
	}
}
