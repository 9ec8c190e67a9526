// SPDX-License-Identifier: Apache-2.0

package duttest

import (
	"lastpage/capture/ring"
	"lastpage/dut"
	"lastpage/kernels/plan"
)

// Release is what the script's kernel calls itself.
const Release = "7.3.4-script"

// warnLines are the WARN of the script's kernel, after its first line.
var warnLines = []string{"WARNING: CPU: 0 PID: 1 at lastpage_probe.c:1 provoke", "Call Trace:", " provoke+0x1/0x2", "---[ end trace 0000000000000000 ]---"}

// Kernel is the script of a kernel that plays p: boot, backlog, WARN (of the probe or of what p runs), and what an NMI does to it. An inline one flushes after every line
// that it stores; the other stores the whole WARN first.
func Kernel(p *plan.Plan, inline bool) *Script {
	s := &Script{Release: Release, Said: []plan.Message{{Event: plan.EventArmed, Release: Release, ConsoleLoglevel: p.ConsoleLoglevel,
		Symbols: map[string]string{"vpanic": "ffffffff81000000"}}}, Symbols: map[string]uint64{"vpanic": 0xffffffff81000000}}
	add := func(steps ...Step) { s.Steps = append(s.Steps, steps...) }
	add(store(6, "Linux version "+Release), flush, doorbell(plan.Armed, 0), doorbell(plan.BacklogBegin, uint32(p.Backlog)))
	for i := range p.Backlog {
		add(store(6, string(plan.Record{RunID: p.RunID, Kind: plan.KindBacklog, CPU: p.BacklogCPU, N: uint32(i), Len: p.RecordLen}.Text())))
	}
	add(doorbell(plan.BacklogStored, uint32(p.Backlog)))
	if p.Provoke == plan.ProvokeWarn || p.Run != nil {
		provoked := doorbell(plan.Provoked, uint32(plan.ProvokeArg(p.Provoke)))
		if p.Run != nil { // what runs WARNs; the probe has rung for nothing before
			add(provoked, doorbell(plan.ProvokeDone, 0))
			provoked = doorbell(plan.Provoked, plan.RunArg)
		}
		provoked.After = 1_000_000
		add(provoked, store(4, "------------[ cut here ]------------"))
		if inline {
			add(flush)
		}
		for _, line := range warnLines {
			if add(store(4, line)); inline {
				add(flush)
			}
		}
		add(flush, doorbell(plan.ProvokeDone, 0))
	} else {
		add(flush)
	}
	s.NMI = []Step{{Enter: "vpanic"}, store(0, "Kernel panic - not syncing: NMI: Not continuing"), store(0, "---[ end Kernel panic - not syncing: NMI: Not continuing ]---"),
		flush, doorbell(plan.Mark, plan.MarkPanicEnd)}
	return s
}

var flush = Step{Flush: true}

func store(level uint8, text string) Step {
	return Step{Store: &ring.Record{Level: level, Flags: ring.FlagNewline, Text: []byte(text)}}
}

func doorbell(c plan.Code, arg uint32) Step { return Step{Ring: &dut.Event{Code: c, Arg: arg}} }
