// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"
	"fmt"
	"path/filepath"

	"lastpage/capture/ring"
	"lastpage/harness/align"
	"lastpage/harness/grade"
)

// ExplanationSchema names the form of an Explanation.
const ExplanationSchema = "lastpage.explanation/1"

// LossClass is a way for a record to be lost.
type LossClass string

const (
	NotStored LossClass = "not stored" // expected, and in no ringbuffer
	NotSent   LossClass = "not sent"   // stored, and no byte of it is on the wire
	Torn      LossClass = "torn"       // stored, and only its beginning is on the wire
	Garbled   LossClass = "garbled"    // on the wire with other bytes
	Unfit     LossClass = "no text"    // reserved, overwritten, or the ring had no room
)

// Explanation says of one captured trial what was lost, class by class. It is a function of the trial's files alone, and what they do not tell
// is not in it.
type Explanation struct {
	Schema string   `json:"schema"`
	Dir    string   `json:"dir"`
	Void   []string `json:"void"`
	Letter string   `json:"letter"`
	Losses []*Loss  `json:"losses"`

	Scenario   string         `json:"scenario"`
	Consoles   []ring.Console `json:"consoles"`           // when the memory was read, at the end; null: none was found
	Interrupt  *At            `json:"interrupt"`          // null: nothing interrupted
	AtProvoke  *grade.Count   `json:"pending_at_provoke"` // null: unknown
	AtInject   *grade.Count   `json:"pending_at_inject"`
	RingUnread string         `json:"ring_why,omitempty"`
}

// At is the interruption: what was done, when, and what the line was sending.
type At struct {
	Do      string `json:"do"`
	NS      int64  `json:"ns"`      // after the provocation
	Bytes   int64  `json:"bytes"`   // of wire after the provocation
	Sending string `json:"sending"` // text of the record of which some bytes, but not all, had left; "": none
	Section string `json:"section"` // of that record
}

// Loss is the records of one section that were lost in one way.
type Loss struct {
	Section string       `json:"section"`
	Class   LossClass    `json:"class"`
	Records int          `json:"records"`
	Stored  *grade.Count `json:"stored"` // of the section
	First   string       `json:"first"`  // text of the first of them; "": unknown
	Last    string       `json:"last"`
	// Before is the last record of the section that was stored; of what was not stored.
	Before string `json:"before,omitempty"`
	Claim  Claim  `json:"claim"`
}

// Explain reads a trial's folder.
func Explain(ctx context.Context, dir string) (*Explanation, error) {
	t, err := LoadTrial(dir)
	if err != nil {
		return nil, err
	}
	in, err := t.evidence(ctx)
	if err != nil {
		return nil, fmt.Errorf("explain: %w", err)
	}
	g, places := grade.Places(in)
	e := &Explanation{Schema: ExplanationSchema, Dir: dir, Void: g.Void, Letter: g.Letter, Losses: []*Loss{}, Scenario: t.Order.Scenario,
		AtProvoke: g.PendingAtProvoke, AtInject: g.PendingAtInject, RingUnread: g.RingWhy}
	if g.Ring != nil {
		e.Consoles = g.Ring.Consoles
	}
	e.Interrupt = t.interruption(places)
	for _, name := range grade.Names {
		e.section(t, name, g.Sections[name], places)
	}
	e.name(ctx, t)
	return e, nil
}

// name gives what was not stored the texts that the reference has. They are told only if the reference goes on where this trial ends: at the very
// record that was stored last.
func (e *Explanation) name(ctx context.Context, t *Trial) {
	var ref []grade.Place
	for _, l := range e.Losses {
		if l.Class != NotStored || t.Order.Reference == "" {
			continue
		}
		if ref == nil {
			ref = t.referencePlaces(ctx)
		}
		var texts []string
		for _, p := range ref {
			if p.Section == l.Section && p.Visible && p.Stored() {
				texts = append(texts, p.Text)
			}
		}
		at := 0
		if l.Stored != nil {
			at = l.Stored.Records
		}
		if at > 0 && at+l.Records == len(texts) && texts[at-1] == l.Before {
			l.First, l.Last = texts[at], texts[len(texts)-1]
		}
	}
}

// referencePlaces are the records of the reference's folder, where it was or beside this trial's; nil if it cannot be read any more.
func (t *Trial) referencePlaces(ctx context.Context) []grade.Place {
	for _, dir := range []string{t.Order.Reference, filepath.Join(filepath.Dir(t.dir), filepath.Base(t.Order.Reference))} {
		ref, err := LoadTrial(dir)
		if err != nil {
			continue
		}
		in, err := ref.evidence(ctx)
		if err != nil {
			continue
		}
		_, places := grade.Places(in)
		return places
	}
	return nil
}

// interruption is what was done, and what the line was sending then.
func (t *Trial) interruption(places []grade.Place) *At {
	f, ok := t.fired(trigInject)
	from, provoked := t.fired(trigProvoke)
	if !ok || !provoked || !f.WireByte.Known() || !from.WireByte.Known() {
		return nil
	}
	at := &At{NS: f.NS - from.NS, Bytes: int64(f.WireByte - from.WireByte)}
	for _, x := range t.Order.Triggers {
		if x.Name == trigInject {
			at.Do = string(x.Do)
		}
	}
	for _, p := range places {
		for _, o := range p.Occ {
			if o.Start < int64(f.WireByte) && int64(f.WireByte) < o.End {
				at.Sending, at.Section = p.Text, p.Section
			}
		}
	}
	return at
}

// section adds the losses of one section.
func (e *Explanation) section(t *Trial, name string, s *grade.Section, places []grade.Place) {
	if s == nil {
		return
	}
	by := map[LossClass]*Loss{}
	last := ""
	for _, p := range places {
		if p.Section != name || !p.Visible {
			continue
		}
		class := lossOf(p.Entry)
		if p.Stored() {
			last = p.Text
		}
		if class == "" {
			continue
		}
		l := by[class]
		if l == nil {
			l = &Loss{Section: name, Class: class, Stored: s.Stored, First: p.Text, Claim: t.claim(class, name)}
			by[class] = l
			e.Losses = append(e.Losses, l)
		}
		l.Records++
		l.Last = p.Text
	}
	if n := s.Fates.Never; n != nil && *n > 0 {
		e.Losses = append(e.Losses, &Loss{Section: name, Class: NotStored, Records: *n, Stored: s.Stored, Before: last, Claim: t.claim(NotStored, name)})
	}
}

// lossOf is how a record was lost; "": it was not, or nobody knows.
func lossOf(e *align.Entry) LossClass {
	switch {
	case e.Fate == align.Torn:
		return Torn
	case e.Fate == align.Garbled:
		return Garbled
	case e.Fate == align.Missing && e.Storage == align.Stored:
		return NotSent
	case e.Fate == align.Unprintable:
		return Unfit
	}
	return ""
}
