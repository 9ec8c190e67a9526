// SPDX-License-Identifier: Apache-2.0

// Package telnet takes a telnet stream apart and puts one together: RFC 854's commands, and the codes of RFC 856, 857, 858 and 2217.
//
// In: the bytes of a connection. Out: data and commands in the order of the stream. It holds no connection and answers nothing; who negotiates
// what is the caller's.
package telnet

// Telnet's codes (RFC 854, 856, 857, 858, 2217).
const (
	IAC  = 255
	DONT = 254
	DO   = 253
	WONT = 252
	WILL = 251
	SB   = 250
	BRK  = 243
	SE   = 240

	Binary  = 0
	Echo    = 1
	SGA     = 3
	ComPort = 44
)

// maxSub bounds a subnegotiation; RFC 2217's longest useful one is 6 bytes. What is longer is dropped.
const maxSub = 64

// Parser takes a telnet stream apart. Its zero value is at the beginning of one.
type Parser struct {
	// NVT says that the other side does not send BINARY: the NUL after a CR is none of the data (RFC 854). It may be set at any time.
	NVT bool

	state int
	verb  byte
	sub   []byte
	long  bool
	cr    bool // the last byte of data was a CR
}

const (
	inData = iota
	inCommand
	inOption
	inSub
	inSubIAC
)

// Command is what is not data: a verb with an option, BRK, or (verb SB) a subnegotiation's contents.
type Command struct {
	Verb, Option byte
	Sub          []byte // after the option
}

// Feed calls data and cmd in the order of the stream. Slices do not last.
func (p *Parser) Feed(b []byte, data func([]byte), cmd func(Command)) {
	from := 0
	for i, c := range b {
		switch p.state {
		case inData:
			switch {
			case c == IAC:
				p.give(b[from:i], data)
				p.state = inCommand
			case c == 0 && p.NVT && p.crBefore(b[from:i]):
				p.give(b[from:i], data)
				p.cr = false
			default:
				continue
			}
		case inCommand:
			p.command(c, data, cmd)
		case inOption:
			p.state = inData
			cmd(Command{Verb: p.verb, Option: c})
		case inSub:
			if c == IAC {
				p.state = inSubIAC
			} else {
				p.keep(c)
			}
		case inSubIAC:
			p.endSub(c, cmd)
		}
		from = i + 1
	}
	if p.state == inData {
		p.give(b[from:], data)
	}
}

func (p *Parser) crBefore(b []byte) bool {
	if len(b) == 0 {
		return p.cr
	}
	return b[len(b)-1] == '\r'
}

func (p *Parser) give(b []byte, data func([]byte)) {
	if len(b) > 0 {
		p.cr = b[len(b)-1] == '\r'
		data(b)
	}
}

func (p *Parser) command(c byte, data func([]byte), cmd func(Command)) {
	switch c {
	case IAC: // a data byte of that value
		p.state = inData
		p.give([]byte{IAC}, data)
	case WILL, WONT, DO, DONT:
		p.verb, p.state = c, inOption
	case SB:
		p.sub, p.long, p.state = p.sub[:0], false, inSub
	default:
		p.state = inData
		if c == BRK {
			cmd(Command{Verb: BRK})
		}
	}
}

func (p *Parser) keep(c byte) {
	if len(p.sub) == maxSub {
		p.long = true
		return
	}
	p.sub = append(p.sub, c)
}

func (p *Parser) endSub(c byte, cmd func(Command)) {
	if c == IAC {
		p.keep(IAC)
		p.state = inSub
		return
	}
	p.state = inData // SE, or a peer that forgot it
	if !p.long && len(p.sub) > 0 {
		cmd(Command{Verb: SB, Option: p.sub[0], Sub: p.sub[1:]})
	}
}

// Escape doubles what would be a command.
func Escape(b []byte) []byte {
	out := make([]byte, 0, len(b)+8)
	for _, c := range b {
		out = append(out, c)
		if c == IAC {
			out = append(out, IAC)
		}
	}
	return out
}

// Subnegotiation encodes a message of an option.
func Subnegotiation(option byte, payload ...byte) []byte {
	out := append([]byte{IAC, SB, option}, Escape(payload)...)
	return append(out, IAC, SE)
}
