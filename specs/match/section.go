// SPDX-License-Identifier: Apache-2.0

package match

import (
	"fmt"
	"strings"

	"github.com/onsi/gomega/types"

	"lastpage/harness"
	"lastpage/harness/grade"
)

// NotBeVoid: nothing that the harness knows of speaks against the trial, and so it has a letter.
func NotBeVoid() types.GomegaMatcher {
	return about("count", func(t *harness.Trial, g *grade.Grade) (wrong []string, _ error) {
		wrong = append(wrong, g.Void...)
		if t != nil {
			wrong = append(wrong, t.Void...)
		}
		if len(wrong) == 0 && g.Letter == "" {
			wrong = append(wrong, "it has no letter: "+g.Why)
		}
		return wrong, nil
	})
}

// section looks up a section, and refuses to say anything about one that was not read.
func section(g *grade.Grade, name string) (*grade.Section, error) {
	s := g.Sections[name]
	if s == nil {
		return nil, fmt.Errorf("there is no section %q", name)
	}
	if s.Stored == nil || s.Wire == nil {
		return nil, fmt.Errorf("%s: what was stored is not known (%s)", name, g.RingWhy)
	}
	return s, nil
}

// KnowWhatToExpect: it is known what each of these sections would hold if nothing interrupted it, and that is not nothing.
func KnowWhatToExpect(sections ...string) types.GomegaMatcher {
	return about("know what to expect of "+strings.Join(sections, ", "), func(_ *harness.Trial, g *grade.Grade) (wrong []string, _ error) {
		for _, name := range sections {
			if s, err := section(g, name); err != nil {
				return nil, err
			} else if s.Expected == nil || s.Expected.Records == 0 {
				wrong = append(wrong, fmt.Sprintf("nothing is expected of %s (%s)", name, s.ExpectedFrom))
			}
		}
		return wrong, nil
	})
}

// BeWholeOnTheWire: what was to be expected of these sections is known, is not nothing, and every record of it is on the wire byte for
// byte, in order.
func BeWholeOnTheWire(sections ...string) types.GomegaMatcher {
	return about("have all of "+strings.Join(sections, ", ")+" on the wire", func(_ *harness.Trial, g *grade.Grade) (wrong []string, _ error) {
		for _, name := range sections {
			s, err := section(g, name)
			if err != nil {
				return nil, err
			}
			if s.Expected == nil {
				return nil, fmt.Errorf("%s: what was to be expected is not known", name)
			}
			if s.Expected.Records == 0 {
				wrong = append(wrong, name+" was expected to hold nothing")
			}
			if *s.Wire != *s.Expected {
				wrong = append(wrong, fmt.Sprintf("of the %d records (%d bytes) of %s, %d (%d bytes) are on the wire", s.Expected.Records,
					s.Expected.Bytes, name, s.Wire.Records, s.Wire.Bytes))
			}
			wrong = append(wrong, damage(name, s)...)
		}
		return wrong, nil
	})
}

// BeOnTheWireAsFarAsStored: every visible record of these sections that is in the ringbuffer is on the wire byte for byte, in order.
func BeOnTheWireAsFarAsStored(sections ...string) types.GomegaMatcher {
	return about("have what was stored of "+strings.Join(sections, ", ")+" on the wire", func(_ *harness.Trial, g *grade.Grade) (wrong []string, _ error) {
		for _, name := range sections {
			s, err := section(g, name)
			if err != nil {
				return nil, err
			}
			if *s.Wire != *s.Stored {
				wrong = append(wrong, fmt.Sprintf("of the %d stored records (%d bytes) of %s, %d (%d bytes) are on the wire", s.Stored.Records,
					s.Stored.Bytes, name, s.Wire.Records, s.Wire.Bytes))
			}
			wrong = append(wrong, damage(name, s)...)
		}
		return wrong, nil
	})
}

// damage lists the records of a section that are on the wire in a shape in which they should not be. Replayed ones are whole.
func damage(name string, s *grade.Section) (wrong []string) {
	f := s.Fates
	for _, d := range []struct {
		n    int
		what string
	}{{f.Torn, "torn"}, {f.Garbled, "garbled"}, {f.Missing, "missing"}, {s.OutOfOrder, "out of order"}} {
		if d.n > 0 {
			wrong = append(wrong, fmt.Sprintf("%d records of %s are %s", d.n, name, d.what))
		}
	}
	return wrong
}

// HaveStoredAll: every expected record of these sections is in the ringbuffer.
func HaveStoredAll(sections ...string) types.GomegaMatcher {
	return about("have all of "+strings.Join(sections, ", ")+" in the ringbuffer", func(_ *harness.Trial, g *grade.Grade) (wrong []string, _ error) {
		for _, name := range sections {
			s, err := section(g, name)
			if err != nil {
				return nil, err
			}
			if s.Fates.Never == nil {
				return nil, fmt.Errorf("%s: what was never stored is not known", name)
			}
			if *s.Fates.Never > 0 {
				wrong = append(wrong, fmt.Sprintf("of %d records of %s, %d were never stored", s.Expected.Records, name, *s.Fates.Never))
			}
		}
		return wrong, nil
	})
}

// HaveNeverStored: of the records that the section would hold if nothing interrupted it, some are in no ringbuffer, so that no dump can
// bring them back.
func HaveNeverStored(name string) types.GomegaMatcher {
	return about("have records of "+name+" that were never stored", func(_ *harness.Trial, g *grade.Grade) ([]string, error) {
		s, err := section(g, name)
		if err != nil {
			return nil, err
		}
		if s.Fates.Never == nil {
			return nil, fmt.Errorf("%s: what was never stored is not known", name)
		}
		if *s.Fates.Never == 0 {
			return []string{fmt.Sprintf("all %d records of %s were stored", s.Expected.Records, name)}, nil
		}
		return nil, nil
	})
}

// HaveLost: so many expected records of the section are neither in the ringbuffer nor whole on the wire.
func HaveLost(name string, n int) types.GomegaMatcher {
	return about(fmt.Sprintf("have lost %d records of %s", n, name), func(_ *harness.Trial, g *grade.Grade) ([]string, error) {
		s, err := section(g, name)
		if err != nil {
			return nil, err
		}
		if s.Lost == nil {
			return nil, fmt.Errorf("%s: what was lost is not known", name)
		}
		if *s.Lost != n {
			return []string{fmt.Sprintf("it has lost %d", *s.Lost)}, nil
		}
		return nil, nil
	})
}

// HaveNo: nothing of the section is stored or on the wire.
func HaveNo(name string) types.GomegaMatcher {
	return about("have nothing of "+name, func(_ *harness.Trial, g *grade.Grade) ([]string, error) {
		s, err := section(g, name)
		if err != nil {
			return nil, err
		}
		if s.Stored.Records > 0 || s.Wire.Bytes > 0 {
			return []string{fmt.Sprintf("%d records are stored, %d bytes on the wire", s.Stored.Records, s.Wire.Bytes)}, nil
		}
		return nil, nil
	})
}
