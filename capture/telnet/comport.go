// SPDX-License-Identifier: Apache-2.0

package telnet

// RFC 2217, section 2: what a client says about the port. The server's answers and notices have FromServer added.
const (
	Signature      = 0
	SetBaud        = 1
	SetDataSize    = 2
	SetParity      = 3
	SetStopSize    = 4
	SetControl     = 5
	NotifyLine     = 6
	NotifyModem    = 7
	Suspend        = 8
	Resume         = 9
	SetLineMask    = 10
	SetModemMask   = 11
	Purge          = 12
	FromServer     = 100
	ControlNoFlow  = 1 // values of SetControl
	ControlBreakOn = 5
	ControlBreak   = 6 // the end of it
	ControlDTROn   = 8
	ControlDTROff  = 9
	ControlRTSOn   = 11
	ControlRTSOff  = 12
)

// Bits of NotifyLine, those of a 16550's LSR.
const (
	LineOverrun = 1 << 1
	LineParity  = 1 << 2
	LineFraming = 1 << 3
	LineBreak   = 1 << 4
	LineErrors  = LineOverrun | LineParity | LineFraming | LineBreak
)
