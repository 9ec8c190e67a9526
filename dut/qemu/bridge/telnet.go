// SPDX-License-Identifier: Apache-2.0

package bridge

// Telnet's codes (RFC 854, 856, 858, 2217).
const (
	iac  = 255
	dont = 254
	do   = 253
	wont = 252
	will = 251
	sb   = 250
	brk  = 243
	se   = 240

	optBinary  = 0
	optEcho    = 1
	optSGA     = 3
	optComPort = 44
)

// maxSub bounds a subnegotiation; RFC 2217's longest useful one is 6 bytes. What is longer is dropped.
const maxSub = 64

// parser takes a telnet stream apart.
type parser struct {
	state int
	verb  byte
	sub   []byte
	long  bool
}

const (
	inData = iota
	inCommand
	inOption
	inSub
	inSubIAC
)

// command is what is not data: a verb with an option, BRK, or (verb sb) a subnegotiation's contents.
type command struct {
	verb, option byte
	sub          []byte // after the option
}

// feed calls data and cmd in the order of the stream. Slices do not last.
func (p *parser) feed(b []byte, data func([]byte), cmd func(command)) {
	from := 0
	for i, c := range b {
		switch p.state {
		case inData:
			if c != iac {
				continue
			}
			if i > from {
				data(b[from:i])
			}
			p.state = inCommand
		case inCommand:
			switch c {
			case iac: // a data byte of that value
				data([]byte{iac})
				p.state = inData
			case will, wont, do, dont:
				p.verb, p.state = c, inOption
			case sb:
				p.sub, p.long, p.state = p.sub[:0], false, inSub
			default:
				p.state = inData
				if c == brk {
					cmd(command{verb: brk})
				}
			}
		case inOption:
			p.state = inData
			cmd(command{verb: p.verb, option: c})
		case inSub:
			if c == iac {
				p.state = inSubIAC
			} else {
				p.keep(c)
			}
		case inSubIAC:
			p.endSub(c, cmd)
		}
		from = i + 1
	}
	if p.state == inData && from < len(b) {
		data(b[from:])
	}
}

func (p *parser) keep(c byte) {
	if len(p.sub) == maxSub {
		p.long = true
		return
	}
	p.sub = append(p.sub, c)
}

func (p *parser) endSub(c byte, cmd func(command)) {
	switch c {
	case iac:
		p.keep(iac)
		p.state = inSub
	default: // SE, or a client that forgot it
		p.state = inData
		if !p.long && len(p.sub) > 0 {
			cmd(command{verb: sb, option: p.sub[0], sub: p.sub[1:]})
		}
	}
}

// escaped doubles what would be a command.
func escaped(b []byte) []byte {
	out := make([]byte, 0, len(b)+8)
	for _, c := range b {
		out = append(out, c)
		if c == iac {
			out = append(out, iac)
		}
	}
	return out
}

// subnegotiation encodes a message of an option.
func subnegotiation(option byte, payload ...byte) []byte {
	out := append([]byte{iac, sb, option}, escaped(payload)...)
	return append(out, iac, se)
}
