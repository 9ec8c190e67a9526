// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"bytes"
	"context"
)

// listing is a text of which each record has a prefix in front of its first line.
type listing struct {
	lines    [][]byte
	prefixes []prefix // of each line; its width is 0 if the line has none
	records  int      // how many have one

	prio, timed, called bool // what most prefixes have: the others are no prefixes
	journal             bool // journalctl: the host's name and the sender's before the text
	syslog              bool // a syslog file: its own prefix, which is taken off
	escaped             bool // \xNN stands for what cannot be printed
}

// prefixedLines reads the output of dmesg (also -x, -r, -d), vmcore-dmesg, makedumpfile --dump-dmesg and journalctl -o short-monotonic, and
// syslog files that have printk's time.
func prefixedLines(ctx context.Context, lines [][]byte) (*Log, error) {
	p := &listing{lines: lines, escaped: true}
	if !p.scan() {
		p.lines, p.syslog, p.escaped = withoutSyslog(lines), true, false
		if !p.scan() {
			return nil, nil
		}
	}
	p.findJournal()
	p.findCallers()
	log := newText(p.kind())
	p.limits(&log.Witness)
	if err := p.read(ctx, log); err != nil {
		return nil, err
	}
	log.settle()
	return log, nil
}

// scan parses the prefixes; it is false if not most of the lines have the same kind.
func (p *listing) scan() bool {
	p.prefixes = make([]prefix, len(p.lines))
	filled, any, prio, timed, called := 0, 0, 0, 0, 0
	for i, l := range p.lines {
		if len(l) > 0 && !isRemark(l) {
			filled++
		}
		if f, ok := parsePrefix(l); ok {
			p.prefixes[i] = f
			any, prio, timed, called = any+1, prio+count(f.prio), timed+count(f.timed), called+count(f.called)
		}
	}
	p.prio, p.timed, p.called = prio*2 > any, timed*2 > any, called*2 > any
	p.records = 0
	for i := range p.prefixes {
		if f := &p.prefixes[i]; f.width > 0 && (f.prio != p.prio || f.timed != p.timed) {
			*f = prefix{}
		}
		p.records += count(p.prefixes[i].width > 0)
	}
	return p.records*2 > filled
}

func count(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

func (p *listing) kind() string {
	switch {
	case p.journal:
		return "journalctl text"
	case p.syslog:
		return "syslog file"
	case p.prio && bytes.HasPrefix(p.first(), []byte{'<'}):
		return "dmesg -r text"
	case p.prio:
		return "dmesg -x text"
	}
	return "dmesg text"
}

func (p *listing) first() []byte {
	for i, f := range p.prefixes {
		if f.width > 0 {
			return p.lines[i]
		}
	}
	return nil
}

// limits says what this text cannot know.
func (p *listing) limits(w *Witness) {
	w.lacks(&w.NoSeq, "Sequence numbers are not printed: records are counted from the first one that is there.")
	if !p.prio {
		w.lacks(&w.NoLevel, "Levels are not printed.")
	}
	if !p.called {
		w.lacks(&w.NoCaller, "Who stored a record is not printed.")
	}
	if !p.timed {
		w.Unknown = append(w.Unknown, "Times are not printed.")
	}
	w.Unknown = append(w.Unknown, "Lines of one record and records of one line each cannot always be told apart.")
	if p.journal || p.syslog {
		w.lacks(&w.Part, "What the logger had not yet read or written when the machine died is missing.")
	} else {
		w.Unknown = append(w.Unknown, "What was stored after it was printed is not in it.")
	}
	if p.journal {
		w.Unknown = append(w.Unknown, "Before systemd 255 the time is when the journal took a record.")
	}
}

// style is how a tool prints the lines of a record after its first one.
type style struct {
	// indented: they are moved to where the text begins (dmesg, makedumpfile, journalctl).
	indented bool
	// blank: an empty line belongs to the record before it (vmcore-dmesg). util-linux prints one for a record without text, without its time.
	blank bool
}

func (p *listing) style() style {
	width, indented, bare, empty := 0, 0, 0, 0
	for i, f := range p.prefixes {
		l := p.lines[i]
		switch {
		case f.width > 0:
			width = f.width
			empty += count(width == len(l))
		case width == 0 || isRemark(l):
		case len(bytes.TrimLeft(l, " ")) == 0:
		case len(l) < width || len(bytes.TrimLeft(l[:width], " ")) > 0:
			bare++
		default:
			indented++
		}
	}
	return style{indented: indented > 0 && bare == 0, blank: bare > 0 || empty > 0}
}

// read makes the records.
func (p *listing) read(ctx context.Context, log *Log) error {
	style, before, blank, width := p.style(), 0, 0, 0
	var rec Record
	done := func() error {
		if width == 0 {
			return nil
		}
		if p.escaped {
			rec.Text = unescape(rec.Text, false)
		}
		if p.journal && blob.Match(rec.Text) {
			rec.Data, rec.Text = DataLost, nil
			log.problem(uint64(len(log.Records)), "the journal does not show its text, only how long it is (journalctl -a shows it)")
		}
		return log.add(rec)
	}
	for i, l := range p.lines {
		if i%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		f := p.prefixes[i]
		switch {
		case f.width > 0:
			if err := done(); err != nil {
				return err
			}
			width = f.width
			rec = Record{TsNsec: f.ns, Facility: f.facility, Level: f.level, Caller: f.caller, Text: l[width:len(l):len(l)]}
		case isRemark(l):
		case len(l) == 0 && !style.blank:
			blank++
		case width == 0:
			before++
		default:
			if style.indented {
				l = l[min(width, len(l)-len(bytes.TrimLeft(l, " "))):]
			}
			rec.Text = append(append(rec.Text, '\n'), l...)
		}
	}
	if before > 0 {
		log.note("%d lines before the first record are left out", before)
	}
	if blank > 0 {
		log.note("%d empty lines are left out: dmesg prints one for a record without text, without its time", blank)
		log.Witness.Unknown = append(log.Witness.Unknown, "Records without text are left out.")
	}
	return done()
}
