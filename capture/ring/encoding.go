// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"bytes"
	"encoding/binary"
	"regexp"
	"unicode/utf16"
	"unicode/utf8"
)

// wide is the order of bytes of a text in UTF-16 (a redirection of PowerShell), nil for others.
func wide(b []byte) binary.ByteOrder {
	switch {
	case bytes.HasPrefix(b, []byte("\xff\xfe")):
		return binary.LittleEndian
	case bytes.HasPrefix(b, []byte("\xfe\xff")):
		return binary.BigEndian
	}
	return nil
}

// narrow gives UTF-16 as UTF-8.
func narrow(b []byte, order binary.ByteOrder) []byte {
	out := make([]byte, 0, len(b)/2+len(b)/8)
	for ; len(b) >= 2; b = b[2:] {
		r := rune(order.Uint16(b))
		if utf16.IsSurrogate(r) && len(b) >= 4 {
			r = utf16.DecodeRune(r, rune(order.Uint16(b[2:])))
			b = b[2:]
		}
		out = utf8.AppendRune(out, r)
	}
	return out
}

// colours are what dmesg --color=always prints. Those in a text are escaped by it.
var colours = regexp.MustCompile("\x1b\\[[0-9;]*m")

// bare takes colours off, if most lines begin with one.
func bare(b []byte) []byte {
	if !bytes.HasPrefix(b, []byte("\x1b[")) || bytes.Count(b, []byte("\n\x1b["))*2 < bytes.Count(b, []byte{'\n'})-1 {
		return b
	}
	return colours.ReplaceAll(b, nil)
}
