// SPDX-License-Identifier: Apache-2.0

package bundle

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"

	"lastpage/capture/ring"
)

// Mask hides what a kernel's log says of the machine's owner. Every word is replaced by one of the same length, in the wire and in the
// ringbuffer alike, so that the alignment stays what it is.
type Mask struct {
	words []string // longest first
	kinds map[string]bool
}

// private are the words that are hidden: the last group of each pattern, or all of it.
var private = []struct {
	kind string
	re   *regexp.Regexp
}{
	{"MAC addresses", regexp.MustCompile(`\b[0-9a-fA-F]{2}(?:[:-][0-9a-fA-F]{2}){5}\b`)},
	{"IP addresses", regexp.MustCompile(`\b(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}\b`)},
	{"UUIDs", regexp.MustCompile(`\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b`)},
	{"serial numbers", regexp.MustCompile(`(?i)(?:serial ?(?:number|no\.?)?|s/n)\s*[:=#]\s*"?([0-9A-Za-z._-]{4,})`)},
	{"host names", regexp.MustCompile(`(?i)(?:hostname(?: to| set to)?[ :=]+<?"?)([0-9A-Za-z._-]{3,})`)},
	{"host names", regexp.MustCompile(`(?m)^([0-9A-Za-z._-]{3,}) login:`)},
	{"host names", regexp.MustCompile(`(?:@)([0-9A-Za-z._-]{3,})\)`)},
}

// commandLine is the kernel's own command line, and kept are the words of it by which a grade is made or a console is found.
var (
	commandLine = regexp.MustCompile(`(?m)(?:Command line|Kernel command line): ([^\r\n]*)`)
	kept        = regexp.MustCompile(`^(?:quiet|debug|ignore_loglevel|loglevel=.*|console=.*|earlycon.*|crashkernel=.*|printk\..*|panic.*|oops=.*|nmi_watchdog.*|unknown_nmi_panic)$`)
)

// NewMask finds the private words of texts.
func NewMask(texts ...[]byte) *Mask {
	m := &Mask{kinds: map[string]bool{}}
	found := map[string]bool{}
	hide := func(kind, word string) {
		if len(word) >= 3 && masked(word) != word {
			found[word] = true
			m.kinds[kind] = true
		}
	}
	for _, t := range texts {
		for _, p := range private {
			for _, g := range p.re.FindAllSubmatch(t, -1) {
				hide(p.kind, string(g[len(g)-1]))
			}
		}
		for _, g := range commandLine.FindAllSubmatch(t, -1) {
			for _, w := range strings.Fields(string(g[1])) {
				if !kept.MatchString(w) {
					hide("command lines", w)
				}
			}
		}
	}
	m.words = slices.SortedFunc(maps.Keys(found), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b))
	})
	return m
}

// Kinds are the kinds of words that were found.
func (m *Mask) Kinds() []string { return slices.Sorted(maps.Keys(m.kinds)) }

// masked is a word of the same length and shape that says nothing.
func masked(w string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c >= '0' && c <= '9':
			return '0'
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
			return 'x'
		}
		return c
	}, w)
}

// Bytes is b with the private words masked. Of a line that breaks off inside one, the beginning is masked too.
func (m *Mask) Bytes(b []byte) []byte {
	out := bytes.Clone(b)
	for _, w := range m.words {
		out = bytes.ReplaceAll(out, []byte(w), []byte(masked(w)))
	}
	const least = 4
	for from := 0; from < len(out); {
		end := len(out)
		if k := bytes.IndexByte(out[from:], '\n'); k >= 0 {
			end = from + k
		}
		line := bytes.TrimRight(out[from:end], "\r")
		for _, w := range m.words {
			for n := min(len(w)-1, len(line)); n >= least; n-- {
				if bytes.HasSuffix(line, []byte(w[:n])) {
					copy(line[len(line)-n:], masked(w[:n]))
					break
				}
			}
		}
		from = end + 1
	}
	return out
}

// Log is a copy of a log with the private words masked.
func (m *Mask) Log(l *ring.Log) *ring.Log {
	c := *l
	c.Records = slices.Clone(l.Records)
	for i := range c.Records {
		r := &c.Records[i]
		r.Text = m.Bytes(r.Text)
		r.Device, r.Subsystem = string(m.Bytes([]byte(r.Device))), string(m.Bytes([]byte(r.Subsystem)))
	}
	return &c
}

// JSON masks the values of a JSON document, and no keys.
func (m *Mask) JSON(doc []byte) ([]byte, error) {
	var v any
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	err := enc.Encode(m.value(v))
	return b.Bytes(), err
}

func (m *Mask) value(v any) any {
	switch x := v.(type) {
	case string:
		return string(m.Bytes([]byte(x)))
	case []any:
		for i := range x {
			x[i] = m.value(x[i])
		}
	case map[string]any:
		for k := range x {
			x[k] = m.value(x[k])
		}
	}
	return v
}
