// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
)

// A record of the probe verifies itself. Its text is, in exactly Len bytes of printable ASCII without a newline:
//
//	lastpage RRRRRRRR K CPU N LEN PAD CCCCCCCC
//
// R: run id (8 hex digits), K: kind ('b' backlog, 'f' flood), CPU: the CPU it was printed on, N: number from 0 within kind
// and CPU (the backlog is printed on one CPU), LEN: length of the whole text in bytes, PAD: 1 or more letters, the i-th being
// 'a' + (7*N + i) mod 26 (unsigned 32-bit arithmetic), C: CRC-32 (IEEE 802.3) of everything before the blank that precedes it,
// in 8 hex digits. Numbers are decimal without leading zeros.
type Record struct {
	RunID string
	Kind  byte // KindBacklog or KindFlood
	CPU   int
	N     uint32
	Len   int // bytes of text
}

const (
	KindBacklog = 'b'
	KindFlood   = 'f'
)

// Limits of a record's length, bytes of text. The smallest holds the largest CPU and number; the largest, with its prefix,
// still fits the 1024 bytes that kernels before 6.5 format a line in (kernel/printk, CONSOLE_EXT_LOG_MAX aside).
const (
	MinRecordLen = 56
	MaxRecordLen = 900
)

// Word that every record starts with.
const Word0 = "lastpage"

var (
	ErrNotRecord = errors.New("not a record of the probe")
	ErrDamaged   = errors.New("damaged record")
)

// Text makes the text of r. r.Len must be within the limits and r.RunID a run id.
func (r Record) Text() []byte {
	b := fmt.Appendf(make([]byte, 0, r.Len), "%s %s %c %d %d %d ", Word0, r.RunID, r.Kind, r.CPU, r.N, r.Len)
	for i := uint32(0); len(b) < r.Len-9; i++ {
		b = append(b, 'a'+byte((7*r.N+i)%26))
	}
	return fmt.Appendf(b, " %08x", crc32.ChecksumIEEE(b))
}

// ParseRecord reads a whole text. ErrNotRecord (wrapped) if it does not start like a record; ErrDamaged (wrapped) if it
// does, and is not byte for byte one. Any input is safe.
func ParseRecord(text []byte) (Record, error) {
	var r Record
	f := bytes.Split(text, []byte{' '})
	if len(f) < 2 || string(f[0]) != Word0 {
		return r, ErrNotRecord
	}
	if len(f) != 8 {
		return r, fmt.Errorf("%w: %d fields, want 8", ErrDamaged, len(f))
	}
	if !runID.Match(f[1]) {
		return r, fmt.Errorf("%w: run id %q", ErrDamaged, f[1])
	}
	r.RunID = string(f[1])
	if len(f[2]) != 1 || f[2][0] != KindBacklog && f[2][0] != KindFlood {
		return r, fmt.Errorf("%w: kind %q", ErrDamaged, f[2])
	}
	r.Kind = f[2][0]
	cpu, err1 := strconv.ParseUint(string(f[3]), 10, 16)
	n, err2 := strconv.ParseUint(string(f[4]), 10, 32)
	length, err3 := strconv.ParseUint(string(f[5]), 10, 16)
	if err := errors.Join(err1, err2, err3); err != nil {
		return r, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	r.CPU, r.N, r.Len = int(cpu), uint32(n), int(length)
	if r.Len != len(text) || r.Len < MinRecordLen || r.Len > MaxRecordLen {
		return r, fmt.Errorf("%w: says %d bytes, has %d", ErrDamaged, r.Len, len(text))
	}
	if !bytes.Equal(r.Text(), text) {
		return r, fmt.Errorf("%w: checksum or padding", ErrDamaged)
	}
	return r, nil
}
