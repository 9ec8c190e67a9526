// SPDX-License-Identifier: Apache-2.0

package vuart

// The page as csrc/page.h has it, field by field; layout_test.go has the C compiler say where each one lies. The comments are there.

const (
	pageMagic    = "LPVUART\x00"
	pageVersion  = 3
	maxPattern   = 64
	maxAnswer    = 32
	inboxLen     = 1024
	answersLen   = 512
	headerAlign  = 4096
	pageFIFO     = 16
	triggerCount = 16
)

// What a doorbell is.
const (
	doorbellPort    = 1
	doorbellAddress = 2
)

// Rec is one frame that left the transmitter.
type Rec struct {
	EndNS  int64  // end of the last stop bit, rounded down
	DurNS  uint32 // from the start bit on; saturates at 4.29 s
	Byte   byte   // only the bits of the word length
	Flags  uint8
	LCR    uint8 // format: word length, stop and parity bits as in the Line Control Register
	Ninths uint8 // EndNS + Ninths/9 is exact
}

// Flags of a Rec.
const (
	Masked  = 1 // the guest held the line in BREAK during part of the frame: no receiver can have read it
	Break   = 2 // not a byte: the line was in BREAK for DurNS
	Changed = 4 // rate, format or loopback changed in the middle of the frame: a receiver gets it wrong
	Cut     = 8 // a reset or power cut ended the frame early
)

// Data says whether the frame is a whole byte. Those are the ones that Stats.Wire and a Byte trigger count.
func (r Rec) Data() bool { return r.Flags&(Break|Cut) == 0 }

// Event is something that happened beside the line.
type Event struct {
	NS     int64
	Wire   uint64 // bytes that had left the transmitter
	Writes uint64 // bytes that the guest had written to it
	Arg    uint32
	Code   uint8
	Writer uint8 // the CPU that had written to the transmitter last; 255: none yet
	Kind   EventKind
	CPU    uint8 // 255: not from a CPU
}

// EventKind says what Code and Arg of an Event are.
type EventKind uint8

const (
	Doorbell EventKind = 1 + iota // Code and Arg as the guest rang
	Fired                         // Arg: index of the trigger; Code: its Action
	Acted                         // the same, when its action was carried out
	Reset                         // the machine was reset
	Format                        // Arg: LCR<<16 | divisor, after a change of either
	Run                           // Arg: 1 the VM runs from here on, 0 it stands
)

type rxItem struct {
	AtNS        int64
	DurNS       uint32
	Byte, Flags uint8
	_           uint16
}

// Counts are the chip's counters since power-on. Writes is the sum of Wire, Looped, Overwritten, Flushed, Cut and what is still inside.
type Counts struct {
	Writes      uint64 // by the guest, to the transmitter
	Wire        uint64 // whole frames on the line
	Looped      uint64 // frames that loopback kept off the line
	Overwritten uint64 // written to a full transmitter: lost by the guest itself
	Flushed     uint64 // in the FIFO when the guest cleared it
	Cut         uint64 // inside at a reset or power cut
	Masked      uint64 // of Wire
	Changed     uint64 // of Wire
	RXLine      uint64 // characters that arrived from outside
	RXRead      uint64 // characters that the guest read
	RXOverrun   uint64
	RXFlushed   uint64
	RXDeaf      uint64 // arrived during loopback or a reset
	LSRReads    uint64
	Reads       uint64 // of any register
	Accesses    uint64
}

type uart struct {
	Base                                            uint32
	Divisor                                         uint16
	IER, FCR, LCR, MCR, SCR, Inputs, Delta, Overrun uint8
	TXFIFO                                          [pageFIFO]uint8
	TXHead, TXN, TXBusy, TXByte, TXLCR, TXFlags     uint8
	TXTwo, THRI, Brk, IRQ, RBR, RXLate              uint8
	RXFIFO, RXFlag                                  [pageFIFO]uint8
	RXHead, RXN, RXBusy, RXByte, RXFlags            uint8
	_                                               uint8
	TXStart, TXEnd, THRIAt, BrkStart, TXLast        int64
	RXEnd, RXLineFree, RXTouched                    int64
	N                                               Counts
}

// Key is one thing to send to the guest's receiver.
type Key struct {
	Byte  byte
	Flags uint8 // RXBreak, RXFraming, RXParity
}

// Flags of what is sent to the guest's receiver.
const (
	RXParity  = 0x04 // arrives with a parity error
	RXFraming = 0x08 // arrives without a stop bit
	RXBreak   = 0x10 // not a character: the line goes into BREAK
)

type trigger struct {
	Kind, Action, After, Flags     uint32
	N, DelayNS                     int64
	VAddr                          uint64
	Code, PatternLen, RXLen, BrkNS uint32
	Pattern                        [maxPattern]byte
	RX                             [maxAnswer]Key
	Armed, Fired, Acted, Match     uint32
	BaseNS, BaseWire, BaseCount    int64
	Count                          int64
	FiredNS, FiredWire, ActedNS    int64
	DueNS                          int64
}

// FFCounts are the figures of fast-forward.
type FFCounts struct {
	Jumps, JumpedNS uint64
	Odd             uint64 // polls whose machine state did not repeat, so that nothing was skipped
	Busy            uint64 // polls during which another CPU was at work, likewise
	Polls           uint64
	Unreadable      uint64 // polls at which registers or stack could not be read
}

// TurnCounts are how the CPUs took turns on one thread (csrc/slice.c). A gap is more than 0.1 ms in which the line idled in the middle of
// a line of text; what its time was is told of the CPU that had written last.
type TurnCounts struct {
	Fair     uint64 // 1: turns are fair, and the rest is known
	Gaps     uint64
	OwnNS    int64  // of the gaps: the CPU had its turns, and did something else
	OthersNS int64  // it was at work, and others had their turns
	AsleepNS int64  // it was halted
	WaitNS   int64  // the longest in which it was at work and had no turn, while the line idled in the middle of a line of text
	WaitByte uint64 // the byte that waited then, of those written to the transmitter
}

type header struct {
	Magic                                  [8]byte
	Version, HeaderSize                    uint32
	FileSize, RecsOff, EventsOff           uint64
	RecsCap, EventsCap, RecSize, EventSize uint32
	BaseBaud, IOPort, IRQ, DoorbellIs      uint32
	PageFlags, Knob                        uint32
	Doorbell                               uint64
	Course, _                              uint32

	State, FFState               uint32
	NCPU, ICountNS               uint32
	Attached                     uint64
	Error                        [160]byte
	LateMaxNS                    int64
	ClockBack                    uint64
	LastNS                       int64
	RecsLost, EventsLost         uint64
	AnswersLost, IRQEdges, CutNS uint64

	RecsHead, EventsHead, InboxTail, InboxSeen uint64
	AnswersHead, AnswersTail                   uint64
	RecsTail, EventsTail, InboxHead            uint64
	Inputs, InputsGen, InputsSeen              uint32
	TriggerGen, TriggerSeen, Writer, Solo      uint32

	ByCode  [256]uint64
	Trigger [triggerCount]trigger
	FF      FFCounts
	Turns   TurnCounts
	UART    uart
	Inbox   [inboxLen]rxItem
	Answers [answersLen]rxItem
}
