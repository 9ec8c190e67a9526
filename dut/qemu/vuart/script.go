// SPDX-License-Identifier: Apache-2.0

package vuart

import "fmt"

// The self-test's script: what the guest in csrc/rom_x86.S is to do with the port, and what it must see. The figures follow from the data sheet.

// Operations of the guest. Each that reports rings the doorbell with its own number and (register<<8 | value).
const (
	stepOut   = 1
	stepIn    = 2
	stepPoll  = 3 // until register & mask == value
	stepWait  = 4 // halt until the interrupt count has come to value
	stepCount = 5
	stepMark  = 6
	ringEnd   = 7
	ringIRQ   = 8
	ringNMI   = 9
)

const (
	romSize   = 64 << 10
	romScript = 0x8000
	romMark   = 0xf4000 // linear address of the instruction that every mark passes
)

// Register offsets.
const (
	regData = iota
	regIER
	regFCR // IIR when read
	regLCR
	regMCR
	regLSR
	regMSR
	regSCR
)

// sight is something that the guest must report.
type sight struct {
	what string
	code uint8
	arg  uint32
	from int   // -1: at any time; else the frame on the line, or if mark the sight, that it must follow ...
	ns   int64 // ... after so many ns, within slack
	mark bool
}

// slack is how long a guest instruction or two may take until it has seen and reported something.
const slack = 1500

type script struct {
	steps  []byte
	sights []sight
	frames []Rec // EndNS and Ninths unset
	what   string
}

func (s *script) step(op, reg, val, mask uint8) { s.steps = append(s.steps, op, reg, val, mask) }

func (s *script) sees(code uint8, arg uint32) *sight {
	s.sights = append(s.sights, sight{what: s.what, code: code, arg: arg, from: -1})
	return &s.sights[len(s.sights)-1]
}

func (s *script) out(reg uint8, vals ...uint8) {
	for _, v := range vals {
		s.step(stepOut, reg, v, 0)
	}
}

func (s *script) in(reg, want uint8) {
	s.step(stepIn, reg, 0, 0)
	s.sees(stepIn, uint32(reg)<<8|uint32(want))
}

// until polls LSR for bit, must then see want, and that at the end of the latest frame but back.
func (s *script) until(bit, want uint8, back int) {
	s.step(stepPoll, regLSR, bit, bit)
	g := s.sees(stepPoll, regLSR<<8|uint32(want))
	g.from = len(s.frames) - 1 - back
}

// interrupt waits for the n-th one and returns when it must come.
func (s *script) interrupt(n uint8) *sight {
	s.step(stepWait, 0, n, 0)
	at := len(s.sights)
	s.sees(ringIRQ, uint32(n))
	s.sees(stepWait, uint32(n))
	return &s.sights[at]
}

// mark rings; triggers hang on it. It returns its place among the sights.
func (s *script) mark(n uint8) int {
	s.step(stepMark, 0, n, 0)
	s.sees(stepMark, uint32(n))
	return len(s.sights) - 1
}

// frame says that text leaves on the line, each byte in dur ns.
func (s *script) frame(text string, dur uint32, lcr, flags uint8) {
	for i := range len(text) {
		s.frames = append(s.frames, Rec{DurNS: dur, Byte: text[i], Flags: flags, LCR: lcr})
	}
}

func (s *script) divisor(d uint16, lcr uint8) {
	s.out(regLCR, 0x80)
	s.out(regData, uint8(d))
	s.out(regIER, uint8(d>>8))
	s.in(regData, uint8(d))
	s.in(regIER, uint8(d>>8))
	s.out(regLCR, lcr)
}

const selfTestText = "0123456789abcdefg"

func selfTest() (script, []Trigger) {
	var s script
	frame := uint32(86806) // 10 bits at 115200 baud, rounded

	s.what = "state after power-on"
	s.in(regLSR, 0x60)
	s.in(regFCR, 1)
	s.in(regIER, 0)
	s.in(regLCR, 0)
	s.in(regMCR, 0)
	s.in(regMSR, CTS|DSR|DCD)
	s.out(regSCR, 0xa5)
	s.in(regSCR, 0xa5)

	s.what = "FIFO of 16 at 115200 baud"
	s.divisor(1, 3)
	s.out(regFCR, 1)
	s.in(regFCR, 0xc1)
	s.out(regData, []byte(selfTestText+"!")...) // one into the shift register, 16 behind it, one too many
	s.in(regLSR, 0)
	s.frame(selfTestText, frame, 3, 0)
	s.until(0x20, 0x20, 1)
	s.until(0x40, 0x60, 0)

	s.what = "9600 baud"
	s.divisor(12, 3)
	s.out(regData, 'x', 'y')
	s.frame("xy", 1041667, 3, 0)
	s.until(0x40, 0x60, 0)

	s.what = "57600 baud, 7E1"
	s.divisor(2, 0x1a)
	s.out(regData, 0xff)
	s.frame("\x7f", 173611, 0x1a, 0)
	s.until(0x40, 0x60, 0)

	s.what = "115200 baud, 8N2"
	s.divisor(1, 7)
	s.out(regData, 'z')
	s.frame("z", 95486, 7, 0)
	s.until(0x40, 0x60, 0)

	s.what = "loopback"
	s.divisor(1, 3)
	s.out(regMCR, 0x1a)
	s.in(regMSR, CTS|DCD|2)
	s.out(regData, 'L')
	s.step(stepPoll, regLSR, 1, 1)
	s.sees(stepPoll, regLSR<<8|0x61)
	s.in(regData, 'L')
	s.out(regMCR, 0x08)
	s.in(regMSR, CTS|DSR|DCD|2)

	s.what = "BREAK on the line"
	s.out(regLCR, 0x43)
	s.out(regData, 'B')
	s.frame("B", frame, 3, Masked)
	s.until(0x40, 0x60, 0)
	s.out(regLCR, 3)
	s.frames = append(s.frames, Rec{Flags: Break, LCR: 3}) // as long as the guest needs

	s.what = "transmitter's interrupt"
	s.out(regIER, 2)
	s.interrupt(1)
	s.in(regFCR, 0xc2)
	s.in(regFCR, 0xc1)
	s.out(regData, 'i')
	s.frame("i", frame, 3, 0)
	g := s.interrupt(2)
	g.from, g.ns = len(s.frames)-1, -8681 // the last stop bit
	s.in(regFCR, 0xc2)
	s.until(0x40, 0x60, 0)

	var ts []Trigger
	after := func(keys ...Key) { // the n-th mark sends
		ts = append(ts, Trigger{Kind: AtEvent, Code: stepMark, N: int64(len(ts) + 1), Action: Send, RX: keys})
	}
	s.what = "receiver's interrupt"
	s.out(regIER, 5)
	after(Key{Byte: 'r'})
	from := s.mark(1)
	g = s.interrupt(3)
	g.from, g.ns, g.mark = from, 86806, true
	s.in(regFCR, 0xc4)
	s.in(regData, 'r')
	s.in(regFCR, 0xc1)

	s.what = "BREAK received"
	after(Key{Flags: RXBreak})
	from = s.mark(2)
	g = s.interrupt(4)
	g.from, g.ns, g.mark = from, 86806, true
	s.in(regFCR, 0xc6)
	s.in(regLSR, 0xf9)
	s.in(regLSR, 0x61)
	s.in(regData, 0)

	s.what = "receiver's time-out"
	s.out(regFCR, 0x81)
	after(Key{Byte: 'x'}, Key{Byte: 'y'})
	from = s.mark(3)
	g = s.interrupt(5)
	g.from, g.ns, g.mark = from, 520834, true // two frames and four more
	s.in(regFCR, 0xcc)
	s.in(regData, 'x')
	s.in(regData, 'y')
	s.in(regFCR, 0xc1)

	s.what = "no interrupt without reason"
	s.step(stepCount, 0, 0, 0)
	s.sees(stepCount, 5)

	s.what = "NMI at a byte"
	s.out(regData, 'n')
	s.frame("n", frame, 3, 0)
	var count int64
	for _, f := range s.frames {
		if f.Data() {
			count++
		}
	}
	ts = append(ts, Trigger{Kind: AtByte, N: count, Action: NMI})
	g = s.sees(ringNMI, 1)
	g.from = len(s.frames) - 1
	s.until(0x40, 0x60, 0)

	s.what = "NMI at an instruction"
	ts = append(ts, Trigger{Kind: AtSymbol, VAddr: romMark, N: 5, Action: NMI})
	s.mark(4)
	s.sees(ringNMI, 2) // before the fifth mark has come to its OUT
	s.mark(5)

	s.what = "stop"
	s.sees(ringEnd, 0)
	ts = append(ts, Trigger{Kind: AtEvent, Code: ringEnd, N: 1, Action: Stop}, Trigger{Kind: AtTime, N: 10_000_000_000, Action: Stop})
	return s, ts
}

// image puts the script behind the guest's code.
func (s *script) image(rom []byte) ([]byte, error) {
	if len(rom) != romSize || romScript+len(s.steps)+4 > romSize-16 {
		return nil, fmt.Errorf("a guest of %d bytes with %d of script does not fit", len(rom), len(s.steps))
	}
	image := append([]byte(nil), rom...)
	copy(image[romScript:], s.steps) // operation 0 ends it
	return image, nil
}
