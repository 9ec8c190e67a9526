// SPDX-License-Identifier: Apache-2.0

package telnet

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// taken is a stream taken apart, fed in two portions.
func taken(nvt bool, in []byte, cut int) (data []byte, commands string) {
	p := Parser{NVT: nvt}
	var cmds strings.Builder
	for _, b := range [][]byte{in[:cut], in[cut:]} {
		p.Feed(b, func(d []byte) { data = append(data, d...) }, func(c Command) {
			if len(c.Sub) >= maxSub {
				panic("a subnegotiation is bounded")
			}
			fmt.Fprintf(&cmds, "%d@%d:%d %x;", c.Verb, len(data), c.Option, c.Sub)
		})
	}
	return data, cmds.String()
}

func TestParser(t *testing.T) {
	for _, c := range []struct {
		nvt            bool
		in, data, cmds string
	}{
		{false, "plain\r\x00", "plain\r\x00", ""},
		{true, "a\r\x00b\r\nc\r\x00\x00", "a\rb\r\nc\r\x00", ""},
		{true, "\x00a\x00\r", "\x00a\x00\r", ""},
		{false, "A\xff\xffB", "A\xffB", ""},
		{false, "\xff\xfb\x03x\xff\xfd\x2c", "x", "251@0:3 ;253@1:44 ;"},
		{false, "x\xff\xf3y", "xy", "243@1:0 ;"},
		{false, "\xff\xfa\x2c\x6a\x10\xff\xf0z", "z", "250@0:44 6a10;"},
		{false, "\xff\xfa\x2c\x65\x00\x00\xff\xff\x00\xff\xf0", "", "250@0:44 650000ff00;"},
		{false, "\xff\xfa" + strings.Repeat("x", 100) + "\xff\xf0end", "end", ""},
		{false, "\xff\xf1nop", "nop", ""},
	} {
		for cut := 0; cut <= len(c.in); cut++ {
			if data, cmds := taken(c.nvt, []byte(c.in), cut); string(data) != c.data || cmds != c.cmds {
				t.Errorf("%q cut at %d: %q, %q; want %q, %q", c.in, cut, data, cmds, c.data, c.cmds)
			}
		}
	}
}

// Whatever a server sends: where it is cut changes nothing, and what we escape comes out as it was.
func FuzzParser(f *testing.F) {
	for _, s := range []string{
		"", "plain", "\xff\xfb\x03\xff\xfd\x03\xff\xfb\x01\xff\xfe\x01\xff\xfd\x00\xff\xfb\x00\xff\xfd,Device open failure: Value or file not found\r\n",
		"\xff\xfa\x2c\x65\x00\x01\xc2\x00\xff\xf0\xff\xfa\x2c\x6b\xb0\xff\xf0", "\xff\xfa\x2c\x6a\x1e\xff\xf0\xff\xf3", "\r\x00\xff\xff\r\x00", "\xff", "\xff\xfa", "\xff\xfa\xff\xff\xff",
	} {
		f.Add([]byte(s), 3, true)
		f.Add([]byte(s), 1, false)
	}
	f.Fuzz(func(t *testing.T, in []byte, cut int, nvt bool) {
		if cut < 0 || cut > len(in) {
			cut = len(in) / 2
		}
		whole, commands := taken(nvt, in, 0)
		parts, again := taken(nvt, in, cut)
		if !bytes.Equal(whole, parts) || commands != again {
			t.Errorf("cut at %d: %q %q, whole %q %q", cut, parts, again, whole, commands)
		}
		if len(whole) > len(in) {
			t.Errorf("%d bytes out of %d", len(whole), len(in))
		}
		if back, cmds := taken(false, Escape(in), min(cut, len(Escape(in)))); !bytes.Equal(back, in) || cmds != "" {
			t.Errorf("escaped and back: %q, %q", back, cmds)
		}
	})
}
