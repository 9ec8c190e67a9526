// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"lastpage/harness/grade"
)

// Condition is a statement about one graded trial: a quantity, how it is compared, and with what.
//
//	SECTION.stored  share of the expected bytes that is in the ringbuffer; 1 only if every record is whole there
//	SECTION.wire    share of the expected bytes that is on the wire; 1 only if every record is whole there
//	SECTION.sent    share of the stored bytes that is on the wire; 1 only if every stored record is whole there
//	SECTION.lost    records that are neither stored nor whole on the wire
//	SECTION.ended   1 if its last record is stored or was seen (of a panic "---[ end Kernel panic"), 0 if a dump of memory has it not
//	crash-exec.ms   time between panic() and the crash kernel's first instruction, ms
//	letter          A to F; A >= B
//
// SECTION is backlog, warn or panic.
type Condition struct {
	text    string
	section string
	of      string
	atLeast bool
	bound   float64
}

var conditionForm = regexp.MustCompile(`^([a-z-]+)(?:\.([a-z]+))? *(>=|<=) *(\S+)$`)

var sections = []string{grade.Backlog, grade.Warn, grade.Panic}

// ParseCondition reads a condition such as "warn.stored >= 1", "crash-exec.ms <= 500" or "letter >= C".
func ParseCondition(text string) (Condition, error) {
	c := Condition{text: strings.TrimSpace(text)}
	m := conditionForm.FindStringSubmatch(c.text)
	if m == nil {
		return c, fmt.Errorf("condition %q: want QUANTITY >= NUMBER or QUANTITY <= NUMBER, such as warn.stored >= 1", text)
	}
	c.section, c.of, c.atLeast = m[1], m[2], m[3] == ">="
	if c.section == "letter" && c.of == "" {
		at := slices.Index(Letters, m[4])
		if at < 0 || !c.atLeast {
			return c, fmt.Errorf("condition %q: want letter >= one of %s", text, strings.Join(Letters, " "))
		}
		c.bound = -float64(at)
		return c, nil
	}
	share := slices.Contains(sections, c.section) && slices.Contains([]string{"stored", "wire", "sent", "ended"}, c.of)
	count := slices.Contains(sections, c.section) && c.of == "lost"
	if !share && !count && !(c.section == "crash-exec" && c.of == "ms") {
		return c, fmt.Errorf("condition %q: no such quantity: want backlog, warn or panic with .stored, .wire, .sent, .lost or .ended; crash-exec.ms; letter", text)
	}
	var err error
	if c.bound, err = strconv.ParseFloat(m[4], 64); err != nil || math.IsNaN(c.bound) || c.bound < 0 || share && c.bound > 1 {
		return c, fmt.Errorf("condition %q: %q: want a number from 0, a share from 0 to 1", text, m[4])
	}
	if share != c.atLeast {
		return c, fmt.Errorf("condition %q: a share has a least (>=), a count and a time have a most (<=)", text)
	}
	return c, nil
}

func (c Condition) String() string { return c.text }

// UnmarshalYAML and MarshalText let a condition be a word of a policy.
func (c *Condition) UnmarshalYAML(b []byte) error {
	text := strings.Trim(strings.TrimSpace(string(b)), `"'`)
	got, err := ParseCondition(text)
	*c = got
	return err
}

// MarshalText implements encoding.TextMarshaler.
func (c Condition) MarshalText() ([]byte, error) { return []byte(c.text), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *Condition) UnmarshalText(b []byte) (err error) {
	*c, err = ParseCondition(string(b))
	return err
}

// Judge holds a grade against the condition. asked is false where the trial was to have nothing of that kind.
func (c Condition) Judge(g *grade.Grade) (v Verdict, asked bool) {
	if g == nil || len(g.Void) > 0 {
		return Unknown, true
	}
	got, known, asked := c.value(g)
	switch {
	case !asked || !known:
		return Unknown, asked
	case c.atLeast && got >= c.bound || !c.atLeast && got <= c.bound:
		return Pass, true
	}
	return Fail, true
}

// value is the quantity; known is false if nobody knows it, asked if there was to be none.
func (c Condition) value(g *grade.Grade) (v float64, known, asked bool) {
	switch c.section {
	case "letter":
		at := slices.Index(Letters, g.Letter)
		return -float64(at), at >= 0, true
	case "crash-exec":
		for _, d := range g.Delays {
			if d.From == "panic-call" && d.To == "crash-exec" {
				return float64(d.NS) / 1e6, true, true
			}
		}
		return 0, false, false
	}
	s := g.Sections[c.section]
	switch {
	case s == nil || s.Expected != nil && s.Expected.Records == 0:
		return 0, false, false
	case c.of == "ended":
		if s.Complete {
			return 1, true, true
		}
		// The end may be stored where nobody looked, or be there in other words.
		looked := g.Ring != nil && g.Ring.Witness == nil && s.Fates.NotRead == 0
		return 0, looked && !(s.Fates.None() && g.CameToPanicEnd()), true
	case s.Expected == nil && s.Fates.None():
		return 0, false, false
	case c.of == "sent" && s.Stored != nil: // whatever was expected
		return share(*s.Wire, *s.Stored), true, true
	case s.Expected == nil:
		return 0, false, true
	}
	switch c.of {
	case "lost":
		if s.Lost == nil {
			return 0, false, true
		}
		return float64(*s.Lost), true, true
	case "stored":
		if s.Stored == nil {
			return 0, false, true
		}
		return share(*s.Stored, *s.Expected), true, true
	case "sent":
		return 0, false, true
	}
	return share(*s.Wire, *s.Expected), true, true
}

// share is 1 only where no record is missing. Of nothing all is there.
func share(have, of grade.Count) float64 {
	if of.Bytes <= 0 {
		return 1
	}
	v := float64(have.Bytes) / float64(of.Bytes)
	if have.Records < of.Records {
		return math.Min(v, math.Nextafter(1, 0))
	}
	return v
}

// Has says which records the quantity counts, and that one of them is there; nil where it counts none.
func (c Condition) Has() func(r *grade.Place) bool {
	switch c.of {
	case "stored":
		return func(r *grade.Place) bool { return r.Section == c.section && r.Stored() }
	case "wire", "sent":
		return func(r *grade.Place) bool { return r.Section == c.section && r.Whole() }
	case "lost", "ended":
		return func(r *grade.Place) bool { return r.Section == c.section && (r.Stored() || r.Whole()) }
	}
	return nil
}
