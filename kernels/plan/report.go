// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"strconv"
)

// ReportWord begins the line of a message on the console: "lastpage-report LENGTH CRC32 JSON". The sum is that of the JSON, IEEE 802.3, in
// 8 hex digits: the kernel may print into the middle of a line of user space.
const ReportWord = "lastpage-report"

// reportCopies is how often a message is sent: one that the kernel printed into is whole in the other.
const reportCopies = 2

// Report is the form of a message on a console.
func (m *Message) Report() ([]byte, error) {
	data, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encode report: %w", err)
	}
	// The first line end closes a line that the kernel has open.
	line := fmt.Appendf([]byte("\n"), "%s %d %08x %s\n", ReportWord, len(data), crc32.ChecksumIEEE(data), data)
	return bytes.Repeat(line, reportCopies), nil
}

// FindReport is the first whole message in a stretch of a console, and the offset after its last copy, or after its line while the other may
// still come. m is nil if there is none: then the bytes from end on are to be looked at again when there are more.
func FindReport(console []byte) (m *Message, end int) {
	word := []byte(ReportWord + " ")
	for {
		i := bytes.Index(console[end:], word)
		if i < 0 {
			return nil, max(end, len(console)-len(word)+1)
		}
		at := end + i
		n := bytes.IndexByte(console[at:], '\n')
		if n < 0 {
			return nil, at
		}
		if m := parseReport(console[at+len(word) : at+n]); m != nil {
			return m, at + n + 1
		}
		end = at + len(word)
	}
}

// parseReport reads what follows the word; nil if it is not whole.
func parseReport(line []byte) *Message {
	length, rest, _ := bytes.Cut(line, []byte{' '})
	sum, data, _ := bytes.Cut(rest, []byte{' '})
	n, err := strconv.Atoi(string(length))
	if err != nil || n < 0 || n > len(data) || n > MaxMessage {
		return nil
	}
	want, err := strconv.ParseUint(string(sum), 16, 32)
	if err != nil || uint32(want) != crc32.ChecksumIEEE(data[:n]) {
		return nil
	}
	m, err := ParseMessage(data[:n])
	if err != nil {
		return nil
	}
	return m
}
