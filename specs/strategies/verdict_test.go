// SPDX-License-Identifier: Apache-2.0

package strategies_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"lastpage/capture/wire"
	"lastpage/harness"
	"lastpage/harness/grade"
	"lastpage/kernels/plan"
)

// verdict is what one trial says about a promise. A trial that measured nothing says nothing: it neither keeps nor breaks.
type verdict struct {
	is  outcome
	why string // a sentence of the promise's own if it is broken, else what was found or what is missing
}

type outcome string

const (
	isKept    outcome = "kept"
	isBroken  outcome = "broken"
	isUnknown outcome = "unknown"
)

func kept(format string, args ...any) verdict { return verdict{isKept, fmt.Sprintf(format, args...)} }
func broken(format string, args ...any) verdict {
	return verdict{isBroken, fmt.Sprintf(format, args...)}
}
func unknown(format string, args ...any) verdict {
	return verdict{isUnknown, fmt.Sprintf(format, args...)}
}

// together is the verdict of several trials. One that breaks the promise breaks it, one that is unknown leaves it so: a broken kernel
// must not be excused, nor a mutant convicted, by trials that failed for another reason.
func together(vs []verdict) verdict {
	count := func(o outcome) (n int, first string) {
		for _, v := range slices.Backward(vs) {
			if v.is == o {
				n, first = n+1, v.why
			}
		}
		return n, first
	}
	for _, o := range []outcome{isUnknown, isBroken, isKept} {
		if n, first := count(o); n > 0 {
			return verdict{o, fmt.Sprintf("%s (%d of %d trials)", first, n, len(vs))}
		}
	}
	return unknown("no trial")
}

// event finds the first ring of a code; byte is how many bytes had left the UART by then.
func event(t *harness.Trial, c plan.Code) (byte int64, ok bool) {
	for _, e := range t.Events {
		if e.Code == c {
			return int64(e.WireByte), true
		}
	}
	return 0, false
}

// storedWhole: the interruption came while something of the emergency was still to be sent, and all of it was in the ringbuffer.
func storedWhole(_ context.Context, t *harness.Trial) verdict {
	s, pending := t.Grade.Sections[grade.Warn], t.Grade.PendingAtInject
	switch {
	case s.Expected == nil || s.Stored == nil || s.Expected.Records == 0:
		return unknown("nothing tells what the emergency was to say")
	case pending == nil || pending.Records == 0:
		return unknown("nothing was pending when the flush was interrupted")
	case s.Stored.Records < s.Expected.Records:
		return broken("%d of %d records of the emergency were stored when its flush was interrupted", s.Stored.Records, s.Expected.Records)
	}
	return kept("all %d records of the emergency were stored, %d of the console's were still to be sent", s.Stored.Records, pending.Records)
}

// nothingUnsent: the machine died where it was told to, having said something of these kinds, and all that it had stored is on the wire.
func nothingUnsent(section string, after ...plan.Code) func(context.Context, *harness.Trial) verdict {
	return func(ctx context.Context, t *harness.Trial) verdict {
		for _, c := range after {
			if _, ok := event(t, c); !ok {
				return unknown("the machine did not come to %s", c)
			}
		}
		if s := t.Grade.Sections[section].Stored; s == nil || s.Records == 0 {
			return unknown("no record of its %s was stored", section)
		}
		w, err := harness.LastWords(ctx, t)
		if err != nil {
			return unknown("%v", err)
		}
		if n := w.Unsent + w.Cut; n > 0 {
			return broken("%d records were stored and not sent when the machine died; the last on the wire is %q, the last stored %q",
				n, w.LastWire, w.LastStored)
		}
		return kept("the last on the wire is the last stored, %q", w.LastStored)
	}
}

// fifo is how many bytes a 16550A may still hold when a CPU is done with it, and one in its shift register.
const fifo = 17

// sentWhenDone: when the probe's WARN() returned, all of it was sent.
func sentWhenDone(_ context.Context, t *harness.Trial) verdict {
	done, ok := event(t, plan.ProvokeDone)
	s := t.Grade.Sections[grade.Warn]
	switch {
	case !ok:
		return unknown("the emergency never ended")
	case s.Stored == nil || s.Stored.Records == 0 || !s.Complete:
		return unknown("the emergency was not stored")
	case s.Wire == nil:
		return unknown("nothing tells what was sent")
	case s.LastByte == nil || s.Wire.Records < s.Stored.Records:
		return broken("an emergency of %d records ended and was never wholly sent", s.Stored.Records)
	case *s.LastByte > done+fifo:
		return broken("the emergency ended at byte %d of the wire, its last record at byte %d", done, *s.LastByte)
	}
	return kept("the emergency ended at byte %d of the wire, its last record at byte %d", done, *s.LastByte)
}

// silentWhileProvoked: on the only CPU, nothing but what the UART held already was sent between the begin and the end of the emergency,
// and the emergency was sent later.
func silentWhileProvoked(_ context.Context, t *harness.Trial) verdict {
	from, ok1 := event(t, plan.Provoked)
	to, ok2 := event(t, plan.ProvokeDone)
	s := t.Grade.Sections[grade.Warn]
	switch {
	case !ok1 || !ok2:
		return unknown("the emergency never ended")
	case s.Stored == nil || s.Stored.Records == 0 || !s.Complete:
		return unknown("the emergency was not stored")
	case to-from > fifo:
		return broken("%d bytes were sent while the only CPU was in the emergency", to-from)
	case s.Wire == nil:
		return unknown("nothing tells what was sent")
	case s.Wire.Records < s.Stored.Records:
		return unknown("the printer threads never sent it: %d of %d records", s.Wire.Records, s.Stored.Records)
	}
	return kept("%d bytes were sent during the emergency, its %d records after it", to-from, s.Stored.Records)
}

// What an emergency section of a WARN begins and ends with (kernel/panic.c, __warn). "cut here" and the message come before the section.
var (
	sectionBegin = []byte("] WARNING: ")
	sectionEnd   = []byte("---[ end trace ")
)

// ownFirst: between the provocation and the end of the emergency no record of the backlog was begun but the one that was cut and, perhaps,
// a last one of the printer thread's on the other CPU.
func ownFirst(_ context.Context, t *harness.Trial) verdict {
	from, ok := event(t, plan.Provoked)
	if !ok {
		return unknown("nothing was provoked")
	}
	pending := t.Grade.PendingAtProvoke
	if pending == nil || pending.Records < 2 {
		return unknown("there was no backlog at the provocation")
	}
	log, _, err := wire.LoadDir(t.Dir())
	if err != nil {
		return unknown("%v", err)
	}
	sent := log.Bytes(from, log.Len())
	begin, end := bytes.Index(sent, sectionBegin), bytes.Index(sent, sectionEnd)
	if begin < 0 || end < begin {
		return unknown("the emergency is not on the wire")
	}
	backlog := fmt.Appendf(nil, "] %s %s %c ", plan.Word0, t.Order.Plan.RunID, plan.KindBacklog)
	all, before := bytes.Count(sent, backlog), bytes.Count(sent[:end], backlog)
	if before > 1 {
		return broken("%d of %d records of the backlog were sent before the emergency's end", before, all)
	}
	if all < 2 {
		return unknown("the backlog is not on the wire")
	}
	return kept("%d of %d records of the backlog were sent before the emergency's end", before, all)
}
