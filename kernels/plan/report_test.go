// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	sent := &Message{Event: EventArmed, Release: "6.12", Cmdline: "a b\n", ConsoleLoglevel: 7}
	data, err := sent.Report()
	if err != nil {
		t.Fatal(err)
	}
	line := strings.ReplaceAll(string(data), "\n", "\r\n")
	half := len(line) / 2
	for _, c := range []struct {
		name, console string
		found         bool
	}{
		{"alone", line, true},
		{"after the boot", "[    1.0] x\r\n" + line, true},
		{"the kernel prints into the first copy", line[:20] + "[    2.0] y\r\n" + line[20:], true},
		{"and into the second", line[:half+20] + "[    2.0] y\r\n" + line[half+20:], true},
		{"into both", line[:20] + "y" + line[20:half+20] + "y" + line[half+20:], false},
		{"a byte changed in both", strings.ReplaceAll(line, "6.12", "6.13"), false},
		{"cut", line[:half-10], false},
		{"nothing", "", false},
	} {
		m, end := FindReport([]byte(c.console))
		if (m != nil) != c.found {
			t.Errorf("%s: found %v, want %v", c.name, m, c.found)
			continue
		}
		if m != nil && (m.Cmdline != sent.Cmdline || m.Event != EventArmed) {
			t.Errorf("%s: %+v", c.name, m)
		}
		if end > len(c.console) {
			t.Errorf("%s: end %d of %d", c.name, end, len(c.console))
		}
	}
	// However it arrives, what is looked at again is enough.
	whole, from, found := "[    1.0] x\r\n"+line, 0, 0
	for n := range len(whole) + 1 {
		m, end := FindReport([]byte(whole[from:n]))
		if from += end; m != nil {
			found++
		}
	}
	if found != reportCopies {
		t.Errorf("byte by byte: %d of %d copies", found, reportCopies)
	}
}
