// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"io"
	"strings"

	"lastpage/capture/ring"
	"lastpage/harness"
)

// Explain prints a paragraph for each class of loss. What the trial does not tell is not said, or said to be unknown.
func Explain(w io.Writer, e *harness.Explanation) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, scenario %s: ", e.Dir, e.Scenario)
	switch {
	case len(e.Void) > 0:
		fmt.Fprintf(&b, "void (%s); what follows is no verdict on the kernel.\n", strings.Join(e.Void, "; "))
	case e.Letter == "":
		b.WriteString("no letter.\n")
	default:
		fmt.Fprintf(&b, "graded %s.\n", e.Letter)
	}
	if e.RingUnread != "" {
		fmt.Fprintf(&b, "\nWhat was stored is unknown: %s.\n", e.RingUnread)
	}
	if len(e.Losses) == 0 {
		b.WriteString("\nNothing of what was expected and is known of was lost.\n")
	}
	if facts := moments(e); len(facts) > 0 {
		b.WriteString("\n" + fold(facts, width))
	}
	for _, l := range e.Losses {
		b.WriteString("\n")
		b.WriteString(fold(paragraph(e, l), width))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// width of the text, in characters: it fits into a mail, quoted twice.
const width = 76

// moments are the facts that all losses share.
func moments(e *harness.Explanation) (s []string) {
	say := func(format string, a ...any) { s = append(s, fmt.Sprintf(format, a...)) }
	if p := e.AtProvoke; p != nil {
		say("When it was provoked, %s of %d bytes were stored and not yet sent.", records(p.Records), p.Bytes)
	}
	at := e.Interrupt
	if at == nil {
		return s
	}
	say("The interruption (%s) came %.3f ms and %d bytes later.", at.Do, float64(at.NS)/1e6, at.Bytes)
	if at.Sending != "" {
		say("The line was in the middle of %s (%s).", quoted(at.Sending), at.Section)
	}
	if p := e.AtInject; p != nil {
		say("Then %s of %d bytes were pending.", records(p.Records), p.Bytes)
	}
	return s
}

var classes = map[harness.LossClass]string{
	harness.NotStored: "never stored: no dump can bring that back", harness.NotSent: "stored and never sent: a dump has that",
	harness.Torn: "stored, and only the beginning was sent", harness.Garbled: "sent with other bytes",
	harness.Unfit: "in the ring without text",
}

func paragraph(e *harness.Explanation, l *harness.Loss) []string {
	var s []string
	say := func(format string, a ...any) { s = append(s, fmt.Sprintf(format, a...)) }
	say("%s: %s %s.", strings.ToUpper(l.Section[:1])+l.Section[1:], were(l.Records), classes[l.Class])
	switch {
	case l.First == "":
	case l.Records == 1:
		say("It is %s.", quoted(l.First))
	default:
		say("The first is %s, the last %s.", quoted(l.First), quoted(l.Last))
	}
	if l.Class == harness.NotStored && l.Stored != nil {
		if l.Before == "" {
			say("None was stored.")
		} else {
			say("Of the section %s stored, the last is %s.", were(l.Stored.Records), quoted(l.Before))
		}
	}
	s = append(s, owners(e.Consoles)...)
	if l.Claim > 0 {
		say("This is claim %d of docs/findings.md: %s.", int(l.Claim), l.Claim)
	} else {
		say("No claim of docs/findings.md is about this.")
	}
	return s
}

// owners is who owned the consoles when the memory was read.
func owners(all []ring.Console) (s []string) {
	for _, c := range all {
		if c.Nbcon == nil {
			s = append(s, fmt.Sprintf("%s is a legacy console: the dump does not tell who owned it.", c.Name))
			continue
		}
		s = append(s, fmt.Sprintf("Owner of %s at the end: %s.", c.Name, c.Nbcon))
	}
	if len(all) == 0 {
		s = append(s, "Who owned the console is unknown.")
	}
	return s
}

func records(n int) string {
	if n == 1 {
		return "1 record"
	}
	return fmt.Sprintf("%d records", n)
}

func were(n int) string {
	if n == 1 {
		return "1 record was"
	}
	return fmt.Sprintf("%d records were", n)
}

// maxQuote is how much of a record's text is shown.
const maxQuote = 60

func quoted(text string) string {
	text, _, _ = strings.Cut(strings.ToValidUTF8(text, "?"), "\n")
	if r := []rune(text); len(r) > maxQuote {
		text = string(r[:maxQuote]) + "..."
	}
	return fmt.Sprintf("%q", text)
}

// fold puts sentences into lines of at most so many characters, where words allow.
func fold(sentences []string, width int) string {
	var b strings.Builder
	n := 0
	for _, word := range strings.Fields(strings.Join(sentences, " ")) {
		switch {
		case n == 0:
		case n+1+len(word) > width:
			b.WriteByte('\n')
			n = 0
		default:
			b.WriteByte(' ')
			n++
		}
		b.WriteString(word)
		n += len(word)
	}
	b.WriteByte('\n')
	return b.String()
}
