// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Bounds on a log that comes as text.
const (
	maxText        = 32 << 20 // bytes: the largest log_buf_len in use is some ten MiB
	maxJSON        = 2 * maxText
	maxTextLines   = 1 << 20
	maxTextRecords = 1 << 18
)

// ErrNotLog is the error for a file that is text and no log; it says what the file looks like.
var ErrNotLog = errors.New("not a kernel's log")

// textLog reads a log that somebody printed: by dmesg, vmcore-dmesg, journalctl, from /dev/kmsg, or by this program. head is the beginning of
// the file. QEMU's storage of ERST is read here too. It is false, without an error, for what is no text; with one that wraps ErrNotLog for a text that is no log.
func textLog(ctx context.Context, head []byte, r io.ReaderAt, size int64) (*Log, bool, error) {
	stored := bytes.HasPrefix(head, []byte(erstMagic)) || bytes.HasPrefix(head, []byte(efiMagic)) || bytes.HasPrefix(head, []byte(ramoopsMagic)) && !isText(head)
	if !stored && !isText(head) && wide(head) == nil {
		return nil, false, nil
	}
	most := int64(maxText)
	if isJSON(head) {
		most = maxJSON
	}
	if size > most {
		return nil, false, fmt.Errorf("a text of %d bytes: at most %d are read as a log: cut it down to the boot that is asked for", size, most)
	}
	b := make([]byte, size)
	if n, err := r.ReadAt(b, 0); n < len(b) {
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, false, err
		}
		b = b[:n]
	}
	if stored {
		all, err := recordParts(b, "")
		if err != nil && bytes.HasPrefix(head, []byte(efiMagic)) {
			return nil, false, nil // too little to be sure
		}
		if err != nil {
			return nil, false, err
		}
		log, err := joinParts(ctx, all)
		return log, err == nil, err
	}
	log, err := parseText(ctx, b)
	if errors.Is(err, ErrNotLog) && wide(head) != nil {
		return nil, false, nil // two bytes are too little to be sure
	}
	if err != nil {
		return nil, !errors.Is(err, ErrNotLog), err
	}
	return log, true, nil
}

func isJSON(b []byte) bool { return bytes.HasPrefix(bytes.TrimLeft(b, " \t\r\n"), []byte{'{'}) }

// isText: no NUL, and of the control characters hardly more than white space.
func isText(head []byte) bool {
	odd := 0
	for _, c := range head {
		if c == 0 {
			return false
		}
		if c < ' ' && (c < '\t' || c > '\r') && c != 0x1b {
			odd++
		}
	}
	return len(head) > 0 && odd*20 <= len(head)
}

// parseText finds the form that most lines have, and reads the records.
func parseText(ctx context.Context, b []byte) (*Log, error) {
	if order := wide(b); order != nil {
		b = narrow(b[2:], order)
	}
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	if isJSON(b) {
		return parseJSON(ctx, b)
	}
	if n := bytes.Count(b, []byte{'\n'}); n > maxTextLines {
		return nil, fmt.Errorf("a text of %d lines: at most %d are read as a log: cut it down to the boot that is asked for", n, maxTextLines)
	}
	whole := len(b) == 0 || b[len(b)-1] == '\n'
	lines := splitLines(bare(b))
	for _, f := range forms {
		log, err := f(ctx, lines)
		if err != nil {
			return nil, err
		}
		if log == nil {
			continue
		}
		if n := len(log.Records); !whole && n > 0 {
			log.problem(log.Records[n-1].Seq, "the text ends without a newline: this record may be cut")
		}
		return log, nil
	}
	return nil, fmt.Errorf("%w: %s", ErrNotLog, looksLike(lines))
}

// forms are tried in this order. Each gives nil if not most of the lines have its form.
var forms = [...]func(ctx context.Context, lines [][]byte) (*Log, error){kmsgLines, pstoreLines, prefixedLines}

// splitLines gives the lines without their ends. If most end with CR LF, somebody's tool has added the CR.
func splitLines(b []byte) [][]byte {
	b = bytes.TrimSuffix(b, []byte{'\n'})
	lines := bytes.Split(b, []byte{'\n'})
	cr := 0
	for _, l := range lines {
		if bytes.HasSuffix(l, []byte{'\r'}) {
			cr++
		}
	}
	if cr*10 >= len(lines)*9 {
		for i := range lines {
			lines[i] = bytes.TrimSuffix(lines[i], []byte{'\r'})
		}
	}
	return lines
}

// looksLike says what a text is that is no log, with the cure if there is one.
func looksLike(lines [][]byte) string {
	timed, first, filled := 0, "", 0
	wall, delta, prompts, json := 0, 0, 0, 0
	for _, l := range lines {
		if len(bytes.TrimSpace(l)) == 0 {
			continue
		}
		if filled++; first == "" {
			first = string(l[:min(len(l), 40)])
		}
		switch {
		case isTimed(l):
			timed++
		case isWallClock(l):
			wall++
		case bytes.HasPrefix(l, []byte("[  +")):
			delta++
		case bytes.Contains(l, []byte("login:")) || bytes.HasPrefix(l, []byte("Password:")):
			prompts++
		case bytes.HasPrefix(l, []byte("{")):
			json++
		}
	}
	switch {
	case filled == 0:
		return "the file holds no line"
	case (wall+delta)*2 > filled:
		return "its lines have the time of day and not the time since boot (dmesg -T, -H or --time-format, journalctl -o short, a syslog file): print it again with `dmesg`, `dmesg -x` or `journalctl -k -o short-monotonic`"
	case prompts*2 > filled:
		return "it looks like a terminal with login prompts"
	case timed > 0:
		return fmt.Sprintf("%d of its %d lines begin with a time of printk: most of a log's do", timed, filled)
	}
	return fmt.Sprintf("none of its %d lines has the form of a log (it begins %q): wanted is the output of dmesg, vmcore-dmesg, journalctl -k -o short-monotonic, /dev/kmsg, or a pstore record", filled, first)
}

func isTimed(line []byte) bool { p, ok := parsePrefix(line); return ok && p.timed }

// isWallClock recognises "[Wed Nov 25 22:28:05 2026] ", "[Nov25 22:28] ", "2026-11-25T22:28:05" and "Nov 25 22:28:05 host".
func isWallClock(l []byte) bool {
	s := strings.TrimPrefix(string(l[:min(len(l), 32)]), "[")
	if len(s) >= 11 && s[4] == '-' && s[7] == '-' && (s[10] == 'T' || s[10] == ' ') {
		return true
	}
	for _, day := range [...]string{"Mon ", "Tue ", "Wed ", "Thu ", "Fri ", "Sat ", "Sun "} {
		s = strings.TrimPrefix(s, day)
	}
	for _, month := range [...]string{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"} {
		if rest, ok := strings.CutPrefix(s, month); ok {
			return strings.Contains(rest, ":")
		}
	}
	return false
}

// newText is a log whose witness is a text.
func newText(kind string) *Log {
	log := &Log{Witness: Witness{Kind: kind}}
	w := &log.Witness
	w.lacks(&w.NoReserved, "Records that were reserved and never committed are not printed.")
	w.lacks(&w.TimeUS, "Times are cut to microseconds.")
	return log
}

// add stores a record that was printed; its seq is counted.
func (l *Log) add(rec Record) error {
	if len(l.Records) >= maxTextRecords {
		return fmt.Errorf("more than %d records: no kernel's log holds so many", maxTextRecords)
	}
	rec.State = Finalized
	rec.TextLen = len(rec.Text)
	if len(rec.Text) == 0 && rec.Data == DataText {
		rec.Data, rec.Text = DataEmpty, nil
	}
	l.Records = append(l.Records, rec)
	return nil
}
