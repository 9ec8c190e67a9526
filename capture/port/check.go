// SPDX-License-Identifier: Apache-2.0

package port

import "lastpage/capture/wire"

// check looks at what only a look shows: the counters, other openers, changed settings, what a server said. A mark lies after the bytes that
// were read by then, up to checkEvery after the event.
func (r *run) check(now int64, end bool) error {
	if p, ok := r.src.(remote); ok {
		r.heard = max(r.heard, now-int64(p.silence()))
	} else {
		r.heard = now
	}
	for _, f := range r.src.look() {
		if err := r.found(f, now); err != nil {
			return err
		}
	}
	if r.book == nil {
		return nil
	}
	c, err := r.src.counters()
	if err != nil {
		return nil // the port is going away; the next read says so
	}
	owed, unread := r.book.owed(c, end)
	add(&r.report.Counted, owed)
	for _, m := range []struct {
		kind wire.MarkKind
		n    int
	}{{wire.MarkOverrun, owed.Overrun}, {wire.MarkFraming, owed.Framing}, {wire.MarkParity, owed.Parity}, {wire.MarkBreak, owed.Break}, {wire.MarkOverrun, int(unread)}} {
		if m.n == 0 {
			continue
		}
		if err := r.mark(m.kind, now, uint64(m.n)); err != nil {
			return err
		}
	}
	if unread > 0 {
		r.report.Unread += int(unread)
		r.tell("the port received %d bytes that we never got", unread)
	}
	return nil
}

func (r *run) found(f finding, now int64) error {
	if f.other != "" {
		r.report.Others = append(r.report.Others, f.other)
		r.tell("another program has opened the port and may take bytes: %s", f.other)
	}
	if f.void != "" {
		r.void("%s", f.void)
		r.tell("%s", f.void)
	}
	if f.modem != "" {
		r.report.Modem = f.modem
	}
	if f.tell != "" {
		r.tell("%s", f.tell)
	}
	if f.kind == 0 {
		return nil
	}
	return r.mark(f.kind, now, 0)
}
