// SPDX-License-Identifier: Apache-2.0

package align

import (
	"lastpage/capture/ring"
)

// Input is what Align works on. Nothing in it is changed or kept.
type Input struct {
	Wire    []byte
	Records []ring.Record // in the order of seq; nil when no ring was read
	Opts    ring.ConsoleOpts
	// Formats, if it is not nil, has the format of each record, where that
	// changed in the middle (printk.time is writable). Opts is the usual one.
	Formats []ring.ConsoleOpts
	// Levels is console_loglevel in the order of From; without any, nothing
	// counts as suppressed. From a panic or an oops on the kernel prints all
	// levels (console_verbose()).
	Levels []Level
}

// Level is console_loglevel from a record on: of the records from seq From,
// those of this level and above are not printed. 0 is unknown: then nothing
// counts as suppressed.
type Level struct {
	From     uint64
	Loglevel int
}

// LevelAt is console_loglevel at a record, 0 unknown.
func LevelAt(levels []Level, seq uint64) int {
	n := 0
	for _, l := range levels {
		if l.From > seq {
			break
		}
		n = l.Loglevel
	}
	return n
}

// Fate is what became of a record on the wire.
type Fate uint8

const (
	// Missing: visible, and no byte of it is on the wire (of a record whose text
	// was overwritten: nothing with its time and caller).
	Missing Fate = iota
	// Intact: on the wire byte for byte, line ends included.
	Intact
	// Torn: only a prefix of it is on the wire.
	Torn
	// Replayed: torn at first, then intact.
	Replayed
	// Garbled: bytes changed, missing or foreign inside.
	Garbled
	// Suppressed: its level is not printed, and it is not on the wire.
	Suppressed
	// Unprintable: the ring has no text to compare with (reserved, lost data),
	// and nothing on the wire has its time.
	Unprintable
	// Seen: a whole line on the wire; the ring has no text to compare it with.
	Seen
	// Unknown: the capture lost bytes where it would be, or nobody knows
	// whether its level was printed. Align never says so: who knows the capture
	// does.
	Unknown
)

var fateNames = [...]string{"missing", "intact", "torn", "replayed", "garbled", "suppressed", "unprintable", "seen", "unknown"}

func (f Fate) String() string { return name(fateNames[:], int(f)) }

func name(names []string, i int) string {
	if i < len(names) {
		return names[i]
	}
	return "unknown"
}

// Storage is what became of a record in the ringbuffer.
type Storage uint8

const (
	// Stored: whole in the ring.
	Stored Storage = iota
	// Reserved: a writer had begun and never finished.
	Reserved
	// Overwritten: not in the ring any more; older than its oldest record, or
	// its descriptor is there without its data.
	Overwritten
	// Failed: the kernel had no room for the text, it was never stored.
	Failed
	// NotRead: there is no ring to look into.
	NotRead
)

var storageNames = [...]string{"stored", "reserved", "overwritten", "failed", "not read"}

func (s Storage) String() string { return name(storageNames[:], int(s)) }

// Occurrence is one time that a record, or a beginning of it, is on the wire.
type Occurrence struct {
	Start, End int64 // offsets on the wire; other origins' bytes can lie between
	Out        int   // bytes of the record's image in it
	Whole      bool  // all of the image, byte for byte and nothing in between
	Clean      bool  // a prefix of the image, nothing changed inside
}

// Entry is one record: of the ring, or seen only on the wire.
type Entry struct {
	// Rec is the index in Input.Records; -1 for a record seen only on the wire.
	Rec     int
	Seq     uint64 // valid when Rec >= 0
	Fate    Fate
	Storage Storage
	Visible bool // its level is printed, or unknown
	Size    int  // bytes of its image on a console; 0 without text
	Out     int  // bytes of the image on the wire, of the best occurrence; <= Size
	Best    int  // index in Occ; -1 when there is none
	Occ     []Occurrence
	// Text is set where the ring has none and the wire has: without prefix and
	// line end. TimeNS, of the prefix, -1 without, is that of records seen only
	// on the wire.
	Text   []byte
	TimeNS int64
}

// Kind says where bytes of the wire came from.
type Kind uint8

const (
	// Foreign: user space, firmware, a boot loader, a typed echo, another boot.
	Foreign Kind = iota
	// FromRecord: part of Entry.
	FromRecord
	// Meta: the console code's own words (dropped, replaying), and the line end
	// with which a driver closes a line that was torn by a takeover.
	Meta
	// Unexplained: looks like a record's line, and no record has it.
	Unexplained
)

var kindNames = [...]string{"foreign", "record", "meta", "unexplained"}

func (k Kind) String() string { return name(kindNames[:], int(k)) }

// Piece is a stretch of the wire with one origin.
type Piece struct {
	Start, End int64
	Kind       Kind
	Entry      int // index in Result.Entries of a FromRecord piece, otherwise -1
	// Note: of a Meta piece, what it is.
	Note Note
}

// Note is what a console says on its own account.
type Note uint8

const (
	NoNote Note = iota
	NoteDropped
	NoteReplay
	NoteNewline
)

// Result tells all of the wire and all of the records.
type Result struct {
	// Entries: records seen only on the wire first, by their time, then all of
	// Input.Records in order.
	Entries  []Entry
	WireOnly int // how many of Entries were seen only on the wire
	// Pieces cover the wire from the first byte to the last, in order.
	Pieces []Piece
	// Wire bytes by kind.
	Bytes [4]int64
	// Dropped is the sum of the counts in "messages dropped" notes, DroppedNotes
	// how many there are, ReplayNotes how many replays were announced.
	Dropped      uint64
	DroppedNotes int
	ReplayNotes  int
	// OrderBreaks counts the places at which the wire steps back to an older
	// record (repeats of a record that is already out do not count). OutOfOrder
	// is the least number of records that would have to move to restore order.
	OrderBreaks int
	OutOfOrder  int
	// Reboots counts kernel banners that came after records of this ring.
	Reboots int
	// Seams are the places inside lines at which bytes that a kernel sends in
	// one piece do not go together: something between the UART and the file
	// lost, changed or doubled them.
	Seams []Seam
}

// Seam is one such place.
type Seam struct {
	At int64 // offset on the wire
	// Before is the record (index in Input.Records) of which a beginning lies
	// in front of it, After the one of which an end follows; -1: none, the
	// bytes begin or end in the middle of a line. They are equal where one
	// record lost or got bytes inside.
	Before, After int
}
