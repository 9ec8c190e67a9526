// SPDX-License-Identifier: Apache-2.0

package kit_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"lastpage/capture/wire"
	"lastpage/dut"
	"lastpage/dut/duttest"
	"lastpage/harness"
	"lastpage/specs/kit"
)

// A strategy of the catalogue on a board of the inventory. It is compiled and not run here, as it boots a kernel. specs/example runs it.
func ExampleLab_Subject() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "lastpage-")
	if err != nil {
		log.Fatal(err)
	}
	lab := &kit.Lab{Board: "qemu-smp1", Dir: dir, Progress: os.Stderr}
	legacy, err := lab.Subject(ctx, "legacy")
	if err != nil {
		log.Fatal(err)
	}
	defer legacy.Bench.Rest()

	tried, err := lab.Scenario(ctx, legacy, "warn-nmi-panic", "share:50%")
	if err != nil {
		log.Fatal(err)
	}
	for _, trial := range tried.Trials {
		fmt.Println(trial.Grade.Letter, trial.Dir())
	}
}

// bench is a bench of one's own. Its machines follow a script, and so they need neither QEMU nor a kernel.
type bench struct{ inline bool }

func (b bench) Can(*harness.Order) error { return nil }

func (b bench) Open(ctx context.Context, o *harness.Order) (*dut.Board, error) {
	return duttest.Kernel(o.Plan, b.inline).Open(ctx)
}

func (b bench) Rest() {}

// A subject need not come from the inventory: any bench will do. Here one kernel flushes in every printk() of its WARN, and the other
// stores the WARN first. The NMI comes when half of the backlog is out.
func ExampleLab_Scenario() {
	dir, err := os.MkdirTemp("", "lastpage-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	lab := &kit.Lab{Dir: dir, Shape: &harness.Shape{Backlog: 5, RecordLen: 60}}

	for _, s := range []*harness.Subject{
		{Strategy: "inline", Bench: bench{inline: true}},
		{Strategy: "deferred", Bench: bench{inline: false}},
	} {
		s.Board, s.Mode, s.CPUs, s.Frame = "scripted", "script", 2, wire.Frame{Baud: 115200, Bits: 10}
		tried, err := lab.Scenario(context.Background(), s, "warn-nmi-panic", "share:50%")
		if err != nil {
			log.Fatal(err)
		}
		for _, trial := range tried.Trials {
			warn := trial.Grade.Sections["warn"]
			fmt.Printf("%s: of %d records of the WARN, %d are stored and %d on the wire\n",
				s.Strategy, warn.Expected.Records, warn.Stored.Records, warn.Wire.Records)
		}
	}
	// Output:
	// inline: of 5 records of the WARN, 1 are stored and 1 on the wire
	// deferred: of 5 records of the WARN, 5 are stored and 5 on the wire
}
