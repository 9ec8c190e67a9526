// SPDX-License-Identifier: Apache-2.0

package match_test

import (
	"fmt"
	"log"
	"strings"

	"github.com/onsi/gomega/types"

	"lastpage/harness/grade"
	"lastpage/harness/grade/replay"
	"lastpage/specs/match"
)

// recorded grades a trial that was recorded once, as a spec would grade one of its own.
func recorded(name string) *grade.Grade {
	all, err := replay.Cases()
	if err != nil {
		log.Fatal(err)
	}
	for _, c := range all {
		if c.Name == name {
			return grade.Make(c.Input)
		}
	}
	log.Fatalf("no recorded trial is called %s", name)
	return nil
}

// tell prints what a matcher says of a grade. A spec writes Expect(trial).To(matcher). A failure shows the whole grade, too.
func tell(g *grade.Grade, m types.GomegaMatcher) {
	holds, err := m.Match(g)
	switch {
	case err != nil:
		fmt.Println("cannot tell:", err)
	case holds:
		fmt.Println("holds")
	default:
		said := strings.SplitN(m.FailureMessage(g), "\n", 3) // the sentence, the first thing that is wrong, the grade
		fmt.Println(said[0])
		fmt.Println(said[1])
	}
}

// A legacy console, whose WARN was cut short by an NMI: what was stored is on the wire, and the rest is nowhere.
func ExampleBeOnTheWireAsFarAsStored() {
	g := recorded("warn-never-stored")
	tell(g, match.BeOnTheWireAsFarAsStored("warn", "panic"))
	tell(g, match.BeWholeOnTheWire("warn"))
	// Output:
	// holds
	// expected a trial to have all of warn on the wire, but
	//   of the 31 records (2099 bytes) of warn, 1 (53 bytes) are on the wire
}

// What no dump can bring back.
func ExampleHaveNeverStored() {
	tell(recorded("warn-never-stored"), match.HaveNeverStored("warn"))
	tell(recorded("clean"), match.HaveNeverStored("warn"))
	tell(recorded("warn-never-stored"), match.HaveLost("warn", 0))
	// Output:
	// holds
	// expected a trial to have records of warn that were never stored, but
	//   all 31 records of warn were stored
	// expected a trial to have lost 0 records of warn, but
	//   it has lost 30
}

// A trial in which a byte may have been lost on its way to us says nothing about the kernel.
func ExampleNotBeVoid() {
	tell(recorded("clean"), match.NotBeVoid())
	tell(recorded("overrun"), match.NotBeVoid())
	// Output:
	// holds
	// expected a trial to count, but
	//   the capture may have lost bytes: 1 marks of kind "overrun"
}

// What cannot be told is an error, neither yes nor no: a grade alone has no bytes in which a line could be looked for.
func ExampleHaveLineOnTheWire() {
	tell(recorded("clean"), match.HaveLineOnTheWire(`Kernel panic - not syncing`))
	// Output:
	// cannot tell: a grade alone has no wire: give the trial
}
