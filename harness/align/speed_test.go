// SPDX-License-Identifier: Apache-2.0

package align

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"lastpage/capture/ring"
)

// speedTexts are some 9 MB of log, and the same as a wire has it, with each 50th record torn, changed or not there.
func speedTexts() (recs []ring.Record, stored, wire []byte) {
	o := ring.ConsoleOpts{Time: true, CRLF: true}
	for i := range 110_000 {
		text := fmt.Appendf(nil, "driver %d: event %x on port %d, state %s, %d bytes moved", i%97, i*2654435761%1000003, i%16, []string{"idle", "busy", "gone"}[i%3], i*7919%100000)
		r := ring.Record{Seq: uint64(i), TsNsec: uint64(i) * 137_000, Level: 6, State: ring.Finalized, Text: text, TextLen: len(text)}
		recs = append(recs, r)
		img := ring.ConsoleText(&r, o)
		stored = append(stored, img...)
		switch {
		case i%50 != 7:
			wire = append(wire, img...)
		case i%150 == 7:
			wire = append(append(wire, img[:40]...), "\r\n"...)
		case i%150 == 57:
			wire = append(append(append(wire, img[:30]...), "zzz"...), img[33:]...)
		}
	}
	return recs, stored, wire
}

// The time of an alignment as a multiple of what git diff takes for the same two texts.
func BenchmarkAgainstDiff(b *testing.B) {
	recs, stored, wire := speedTexts()
	dir := b.TempDir()
	for n, data := range map[string][]byte{"stored": stored, "wire": wire} {
		if err := os.WriteFile(filepath.Join(dir, n), data, 0o644); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(wire)))
	var ours, theirs time.Duration
	for b.Loop() {
		start := time.Now()
		r := Align(Input{Wire: wire, Records: recs, Opts: ring.ConsoleOpts{Time: true, CRLF: true}})
		ours += time.Since(start)
		if len(r.Entries) != len(recs) {
			b.Fatal(len(r.Entries))
		}
		start = time.Now()
		var out bytes.Buffer
		c := exec.Command("git", "diff", "--no-index", "stored", "wire")
		c.Dir, c.Stdout = dir, &out
		_ = c.Run() // 1: they differ
		theirs += time.Since(start)
	}
	b.ReportMetric(float64(ours)/float64(theirs), "x-of-git-diff")
}
