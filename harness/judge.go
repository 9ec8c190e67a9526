// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"fmt"
	"slices"

	"lastpage/capture/wire"
	"lastpage/dut"
	"lastpage/kernels/plan"
)

// judge finds the reasons for which the trial says nothing about the kernel. Every doubt goes against the harness; what the board cannot
// tell is no doubt, but a word beside the grade (Lacks).
func (t *Trial) judge(log *wire.Log) {
	void := func(format string, a ...any) { t.Void = append(t.Void, fmt.Sprintf(format, a...)) }
	t.place(log)
	t.Void = append(t.Void, t.Audit.Void...)
	if t.unarmed { // nothing else could happen
		return
	}
	for _, m := range t.Said {
		if m.Event == plan.EventError {
			void("the guest could not do what was asked: %s", m.Text)
		}
	}
	switch {
	case t.Order.Plan == nil || !t.heard:
	case t.Armed == nil:
		void("the guest never reported that it was armed")
	case t.Armed.ConsoleLoglevel != t.Order.Plan.ConsoleLoglevel:
		void("console_loglevel read back as %d, %d was asked", t.Armed.ConsoleLoglevel, t.Order.Plan.ConsoleLoglevel)
	}
	if f, ok := t.fired(trigProvoke); ok {
		t.Provoked = &f.Moment
	} else {
		void("the provocation never happened")
	}
	if _, ok := t.fired(trigInject); !ok && t.Order.Inject != nil {
		void("the interruption (%s) never happened: the trial was over before", t.Order.Inject)
	}
	if t.Order.Plan != nil && t.Order.Plan.Nested == plan.NestedPanicOther && t.Events != nil && !t.ordered(plan.PanicCall, plan.Mark) {
		void("the second panic did not come after the first")
	}
	for _, f := range t.Fired {
		if f.Name == trigDoor && !f.Fired {
			void("the kernel never came to the function before which the power was to go")
		}
	}
	if _, ok := t.fired(trigTooLong); ok {
		void("the trial did not end in the time it was given")
	}
}

// place finds on the wire what the board could not say: how many bytes had left the UART at a moment.
func (t *Trial) place(log *wire.Log) {
	at := func(ns int64, o *dut.Offset) {
		if o.Known() {
			return
		}
		*o = dut.Offset(log.OffsetAt(ns))
	}
	for i := range t.Fired {
		if t.Fired[i].Fired {
			at(t.Fired[i].NS, &t.Fired[i].WireByte)
		}
	}
	for i := range t.Events {
		at(t.Events[i].NS, &t.Events[i].WireByte)
	}
}

// ordered says whether the first event of one code is there and before the first of the other.
func (t *Trial) ordered(a, b plan.Code) bool {
	at := func(c plan.Code) int {
		return slices.IndexFunc(t.Events, func(e dut.Event) bool { return e.Code == c })
	}
	return at(a) >= 0 && at(b) > at(a)
}
