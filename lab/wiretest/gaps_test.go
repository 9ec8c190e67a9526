// SPDX-License-Identifier: Apache-2.0

package wiretest

import (
	"fmt"
	"testing"

	"lastpage/capture/ring"
)

// A line that idles in the middle of one record of the boot fails for the boot and for nothing else; a pause between two records is nobody's.
func TestGaps(t *testing.T) {
	for _, c := range []struct {
		name       string
		at, idle   int64 // byte of the wire before which the line idles
		boot, rest Verdict
	}{
		{"back to back", 0, 0, Pass, Pass},
		{"half a second in a record of the boot", 70, 500_000_000, Fail, Pass},
		{"2 ms in the last records", 1000, 2_000_000, Pass, Fail},
	} {
		s := &shot{Ring: &ring.Log{}}
		now := int64(0)
		for i := range 40 {
			r := ring.Record{Seq: uint64(i), TsNsec: uint64(i) * 1e9, Level: 6, State: ring.Finalized, Data: ring.DataText, Text: fmt.Appendf(nil, "record %d", i)}
			s.Ring.Records = append(s.Ring.Records, r)
			if i == 20 {
				s.From = int64(len(s.Wire))
			}
			for _, b := range ring.ConsoleText(&r, ring.ConsoleOpts{Time: true, CRLF: true}) {
				if now += 86_806; c.at > 0 && int64(len(s.Wire)) == c.at {
					now += c.idle
				}
				s.Wire, s.Ends = append(s.Wire, b), append(s.Ends, now)
			}
			now += 5_000_000
		}
		if c.at >= int64(len(s.Wire)) {
			t.Fatalf("%s: the wire has only %d bytes", c.name, len(s.Wire))
		}
		boot, rest := s.paces(115200)
		if f := gapFact("boot", boot, nil, ""); f.Verdict != c.boot {
			t.Errorf("%s: the boot: %s (%s), want %s", c.name, f.Verdict, f.Got, c.boot)
		}
		if f := gapFact("rest", rest, nil, ""); f.Verdict != c.rest {
			t.Errorf("%s: the rest: %s (%s), want %s", c.name, f.Verdict, f.Got, c.rest)
		}
		s.Audit = map[string]int64{"turns_fair": 1, "turns_gaps": 1, "turns_own_ns": c.idle}
		if f := gapFact("own", rest, nil, s.own(boot, rest)); f.Verdict == Fail {
			t.Errorf("%s: a gap of the guest's own fails: %s", c.name, f.Got)
		}
		s.Audit["turns_gaps"] = 0
		if f := gapFact("unseen", rest, nil, s.own(boot, rest)); f.Verdict != c.rest {
			t.Errorf("%s: a gap that the plug-in did not see: %s, want %s", c.name, f.Verdict, c.rest)
		}
		if f := gapFact("void", rest, []string{"a reason"}, "own"); f.Verdict != Fail {
			t.Errorf("%s: a void shot passes", c.name)
		}
	}
	if f := gapFact("nothing", nil, nil, "own"); f.Verdict != Fail {
		t.Errorf("no record: %s", f.Verdict)
	}
}
