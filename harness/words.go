// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"
	"fmt"

	"lastpage/harness/align"
	"lastpage/harness/grade"
)

// Words are the last words of a trial: what came out last, what was stored last, and what lies between.
type Words struct {
	LastWire   string `json:"last_wire"`   // text of the record whose bytes are last on the wire
	LastWhole  bool   `json:"last_whole"`  // and it is there to its end
	LastStored string `json:"last_stored"` // text of the newest visible record in the ringbuffer
	// Unsent: records that are stored and visible, and of which no byte is on the wire; Cut: of which only a part is.
	Unsent int `json:"unsent"`
	Cut    int `json:"cut"`
	// UnsentBefore are those of them that are older than the last record on the wire: holes, where the rest is a missing end.
	UnsentBefore int `json:"unsent_before_last"`
}

// LastWords reads a trial's folder. Without a ringbuffer there are none.
func LastWords(ctx context.Context, t *Trial) (*Words, error) {
	in, err := t.evidence(ctx)
	if err != nil {
		return nil, fmt.Errorf("last words: %w", err)
	}
	if in.Ring == nil {
		return nil, fmt.Errorf("last words of %s: %s", t.dir, in.RingWhy)
	}
	_, a := grade.Explain(in)
	return lastWords(a, func(rec int) string { return string(in.Ring.Records[rec].Text) }), nil
}

func lastWords(a *align.Result, text func(rec int) string) *Words {
	w := &Words{}
	last, lastAt := -1, int64(-1)
	for i := range a.Entries {
		e := &a.Entries[i]
		for _, o := range e.Occ {
			if o.End > lastAt {
				last, lastAt, w.LastWhole = i, o.End, o.Whole
			}
		}
	}
	if last >= 0 {
		if e := &a.Entries[last]; e.Rec >= 0 {
			w.LastWire = text(e.Rec)
		} else {
			w.LastWire = string(e.Text)
		}
	}
	for i := range a.Entries {
		e := &a.Entries[i]
		if e.Storage != align.Stored || !e.Visible || e.Rec < 0 {
			continue
		}
		w.LastStored = text(e.Rec)
		switch {
		case e.Best < 0:
			w.Unsent++
			if i < last {
				w.UnsentBefore++
			}
		case !e.Occ[e.Best].Whole:
			w.Cut++
		}
	}
	return w
}
