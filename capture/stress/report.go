// SPDX-License-Identifier: Apache-2.0

package stress

import (
	"fmt"
	"io"

	"lastpage/capture/pattern"
	"lastpage/capture/port"
)

// Schema names the form of a Report.
const Schema = "lastpage.stress/1"

// Report is what came of it.
type Report struct {
	Schema string `json:"schema"`
	Mode   Mode   `json:"mode"`
	Form   string `json:"form"` // binary or text
	Baud   int    `json:"baud"` // that was asked for; 0: it is not ours to set
	// Clean: every byte that was judged came as it was sent, and once.
	Clean       bool           `json:"clean"`
	Interrupted bool           `json:"interrupted"` // it was ended before its time
	TookNS      int64          `json:"took_ns"`
	Lines       []*Line        `json:"lines"`
	Ports       []*port.Report `json:"ports"` // what each port says for itself
}

// Line is one direction.
type Line struct {
	From string `json:"from"` // port; "": another program's
	To   string `json:"to"`
	Sent *int64 `json:"sent"` // bytes; null: another program sends
	// Stuck: why not all was sent that should be; "": it was.
	Stuck string          `json:"stuck"`
	Heard *pattern.Result `json:"heard"` // null: another program listens
	Rate  *float64        `json:"rate"`  // bytes/s that came, or, where nobody listens, went; null: too few to tell
	// GapNS is the longest time between two reads in which nothing came, and GapAt how many bytes had come by then; null: too few reads to tell.
	GapNS *int64 `json:"gap_ns"`
	GapAt *int64 `json:"gap_at"`
}

// Met says whether anything of the pattern came.
func (l *Line) Met() bool { return l.Heard != nil && l.Heard.Matched > 0 }

// Bad is how many bytes were lost, changed, doubled or inserted.
func Bad(r *pattern.Result) int64 { return r.Lost + r.Changed + r.Doubled + r.Inserted }

// WriteText prints a line with its faults, the first ones of them.
func (l *Line) WriteText(w io.Writer, faults int) {
	from, to := l.From, l.To
	if from == "" {
		from = "another program"
	}
	if to == "" {
		to = "another program"
	}
	fmt.Fprintf(w, "%s -> %s\n", from, to)
	if l.Sent != nil {
		fmt.Fprintf(w, "  sent      %d bytes\n", *l.Sent)
	}
	rate := ""
	if l.Rate != nil {
		rate = fmt.Sprintf(", %.0f bytes/s", *l.Rate)
	}
	h := l.Heard
	if h == nil {
		if rate != "" {
			fmt.Fprintf(w, "  rate      %s\n", rate[2:])
		}
		return
	}
	fmt.Fprintf(w, "  came      %d bytes%s\n", h.Received, rate)
	if l.GapNS != nil {
		fmt.Fprintf(w, "  gap       %.1f ms at the most, after %d bytes\n", float64(*l.GapNS)/1e6, *l.GapAt)
	}
	if h.Before+h.After > 0 {
		fmt.Fprintf(w, "  others    %d bytes before the pattern and %d after it, which are not judged\n", h.Before, h.After)
	}
	if h.First > 0 {
		fmt.Fprintf(w, "  joined    at byte %d: what was sent before is not judged\n", h.First)
	}
	fmt.Fprintf(w, "  judged    %d bytes: %d lost, %d changed, %d doubled, %d inserted\n", h.End-h.First, h.Lost, h.Changed, h.Doubled, h.Inserted)
	if !h.Ended && l.Met() {
		fmt.Fprintf(w, "  goes on   what was sent after byte %d is not judged\n", h.End)
	}
	for i, f := range h.Faults {
		if i == faults {
			break
		}
		fmt.Fprintf(w, "    %s\n", Words(&f))
	}
	if more := h.Total - int64(min(faults, len(h.Faults))); more > 0 {
		fmt.Fprintf(w, "    and at %d more places\n", more)
	}
}

// Words tells of a fault in a line.
func Words(f *pattern.Fault) string {
	text := fmt.Sprintf("%-9s %d at byte %d", f.Kind, f.Bytes, f.At)
	if f.Coarse {
		return text + ", of a stretch that cannot be recognised"
	}
	if f.Sent != "" {
		text += ", sent " + f.Sent
	}
	if f.Came != "" {
		text += ", came " + f.Came
	}
	return text
}
