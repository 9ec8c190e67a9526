// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"strings"
	"testing"

	"lastpage/dut/qemu/vuart"
)

// TestFits: a QEMU in which turns are not fair is refused before anything boots, and only where CPUs take turns.
func TestFits(t *testing.T) {
	for _, c := range []struct {
		setup   Setup
		fair    bool
		refused bool
	}{
		{Setup{Mode: Exact, CPUs: 2}, true, false},
		{Setup{Mode: Exact, CPUs: 2}, false, true},
		{Setup{Mode: Exact, CPUs: 1}, false, false},
		{Setup{Mode: Concurrent, CPUs: 2}, false, false},
	} {
		err := c.setup.fits(vuart.Fitness{Version: "QEMU emulator version 9.9", FairTurns: c.fair})
		if (err != nil) != c.refused {
			t.Errorf("%s, %d CPUs, fair turns %v: %v", c.setup.Mode, c.setup.CPUs, c.fair, err)
		}
		if err != nil && !strings.Contains(err.Error(), "QEMU emulator version 9.9") {
			t.Errorf("it does not name the QEMU: %v", err)
		}
	}
}
