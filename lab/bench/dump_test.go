// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"strings"
	"testing"

	"lastpage/dut/bench"
	"lastpage/dut/bench/power"
	"lastpage/kernels"
	"lastpage/lab/kind"
)

// What a dump takes by default is what the kernel is told: memory that is not kept from it holds nothing after a reset.
func TestCmdlineOfDefaults(t *testing.T) {
	e := &Entry{Console: "rfc2217://a:1", Boot: Boot{Command: &bench.Command{Line: "x"}}, Reset: &Button{Command: "x"},
		Dump: &Dump{Pstore: &bench.Pstore{At: 0x30000000}}}
	e.Power.Command = &power.Command{OnLine: "x", OffLine: "x"}
	if err := e.Complete(); err != nil {
		t.Fatal(err)
	}
	if line := e.line(kind.Kernel{Image: &kernels.Image{Cmdline: "a"}}); !strings.HasSuffix(line, " memmap=0x100000$0x30000000") {
		t.Errorf("the command line is %q", line)
	}
}
