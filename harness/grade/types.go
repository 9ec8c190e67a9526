// SPDX-License-Identifier: Apache-2.0

package grade

import (
	"lastpage/capture/ring"
	"lastpage/capture/wire"
	"lastpage/harness/foreign"
	"lastpage/harness/gaps"
	"lastpage/kernels/plan"
)

// Schema names the JSON form of a Grade. Fields may be added under the same
// number; a change of meaning takes a new one.
const Schema = "lastpage.grade/1"

// Section names.
const (
	Boot    = "boot"
	Backlog = "backlog"
	Warn    = "warn"
	Panic   = "panic"
	Other   = "other"
)

// Sources of Section.Expected.
const (
	FromComplete  = "complete"  // this trial stored the section up to its end
	FromPlan      = "plan"      // the plan says how many
	FromDeath     = "death"     // the panic was ended at a step of its own path
	FromReference = "reference" // an uninterrupted trial
	FromUnknown   = "unknown"
)

// Names lists the sections in the order of a trial.
var Names = []string{Boot, Backlog, Warn, Panic, Other}

// Input is all that a grade is made of.
type Input struct {
	Wire *wire.Log // closed; must not be nil
	// WireFinished: the capture was closed in order (wire.Info.Finished). A wire
	// without times has nothing that could say so.
	WireFinished bool
	// Foreign: the wire is no trial's, and is examined before it is judged. One without an index always is.
	Foreign bool
	Ring    *ring.Log // nil when the ring could not be read
	// RingWhy says why Ring is nil.
	RingWhy  string
	RunID    string // of the probe's records; empty accepts none as backlog
	Loglevel int    // console_loglevel as read back; 0 unknown
	// BootLoglevel was in force until the machine was armed; 0 unknown.
	BootLoglevel int
	Opts         *ring.ConsoleOpts // nil: detected from the wire
	Events       []Event           // of the doorbell, in order
	// Inject is when the interruption came (an NMI, a power cut); nil if none.
	Inject *Point
	// Reference is the sections of an uninterrupted trial of the same kernel,
	// command line and scenario; nil if there is none.
	Reference map[string]Count
	// BacklogRecords is how many backlog records the plan asked for; 0 unknown.
	BacklogRecords int
	// WireBegin is the offset before which the wire is another system's, whose
	// lines may be those of this kernel; nil: all of it is compared.
	WireBegin *int64
	// WireEnd is the offset at which the wire stops being this kernel's; nil: it
	// is to its end.
	WireEnd *int64
	// Lacks is what the board could not do or say; each becomes a note.
	Lacks []string
	// Void holds reasons that were found outside: a UART overrun, a late
	// reader, a clock jump.
	Void []string
	// Evidence tells where the files lie; copied into the grade.
	Evidence map[string]string
}

// Event is one ring of the doorbell.
type Event struct {
	Code     plan.Code
	Arg      uint32
	NS       int64 // virtual time
	WireByte int64 // bytes that had left the UART by then
	CPU      int
	Writer   *int // the CPU that had written to the UART last; nil: not known
}

// Point is a moment of a trial on its wire.
type Point struct {
	NS       int64 `json:"ns"`
	WireByte int64 `json:"wire_byte"`
}

// Count is a number of records and the bytes a console sends for them, prefix
// and line ends included.
type Count struct {
	Records int   `json:"records"`
	Bytes   int64 `json:"bytes"`
}

// Grade is the JSON form of one graded trial; docs/json.md explains every
// field.
type Grade struct {
	Schema   string              `json:"schema"`
	Void     []string            `json:"void"`   // never null; empty: the trial counts
	Letter   string              `json:"letter"` // "": none
	Why      string              `json:"why"`    // of the letter, or of its absence
	Sections map[string]*Section `json:"sections"`
	// Splats are the emergencies of a kernel that nobody provoked, the first one first; null where a trial was provoked.
	Splats []*Splat `json:"splats"`
	// Capture is what was found out about a wire that has no index; null: it has one.
	Capture *foreign.Capture `json:"capture"`
	Console Console          `json:"console"`
	Wire    Wire             `json:"wire"`
	Ring    *Ring            `json:"ring"` // null: not read
	RingWhy string           `json:"ring_why,omitempty"`
	// PendingAtProvoke: visible records that were stored and not yet on the
	// wire when the provocation was rung in. PendingAtInject: the same at the
	// injection. null: unknown.
	PendingAtProvoke *Count            `json:"pending_at_provoke"`
	PendingAtInject  *Count            `json:"pending_at_inject"`
	Inject           *Point            `json:"inject"`
	Events           []GradeEvent      `json:"events"`
	Delays           []Delay           `json:"delays"`
	Notes            []string          `json:"notes,omitempty"`
	Evidence         map[string]string `json:"evidence,omitempty"`
}

// Section is one part of the messages at its three stages. A null stage is
// unknown. Only visible records are counted at all three; suppressed ones are
// in Fates alone.
type Section struct {
	Expected     *Count `json:"expected"`
	ExpectedFrom string `json:"expected_from"` // complete, death, plan, reference, unknown
	Stored       *Count `json:"stored"`
	Wire         *Count `json:"wire"` // Records: whole ones; Bytes: of all, torn and garbled ones too
	// Lost: expected, and neither in the ring nor whole on the wire, so that no
	// dump can bring it back. null when Expected or Stored is.
	Lost        *int   `json:"lost"`
	Letter      string `json:"letter"` // "": none
	Fates       Fates  `json:"fates"`
	Complete    bool   `json:"complete"` // its end is stored, or known to be
	FirstByteNS *int64 `json:"first_byte_ns"`
	LastByteNS  *int64 `json:"last_byte_ns"`
	FirstByte   *int64 `json:"first_byte"` // offset on the wire
	LastByte    *int64 `json:"last_byte"`  // offset after the last one
	OutOfOrder  int    `json:"out_of_order"`
	// unsure are the records of which nobody knows what became, and their bytes that are not on the wire.
	unsure Count
	// Pace is how the line ran inside the section's records; null without virtual times.
	Pace *gaps.Pace `json:"pace"`
}

// Fates counts the section's records: Intact to Seen add up to all of them, and
// so do Stored to NotRead.
type Fates struct {
	Intact      int `json:"intact"`
	Replayed    int `json:"replayed"`
	Torn        int `json:"torn"`
	Garbled     int `json:"garbled"`
	Missing     int `json:"missing"`
	Suppressed  int `json:"suppressed"`
	Unprintable int `json:"unprintable"` // reserved or lost text: nothing to compare
	Seen        int `json:"seen"`        // whole on the wire, the ring has no copy to compare it with
	Unknown     int `json:"unknown"`     // the capture lost bytes where they would be, or their level is not known

	Stored      int  `json:"stored"`
	Reserved    int  `json:"reserved"`
	Overwritten int  `json:"overwritten"`
	Failed      int  `json:"failed"` // the ring had no room
	NotRead     int  `json:"not_read"`
	Never       *int `json:"never"` // expected and never stored; null unknown
}

// None: there is no record to count.
func (f Fates) None() bool {
	f.Never = nil
	return f == Fates{}
}

// Console is what went on on the wire beside whole records.
type Console struct {
	Format       string `json:"format"` // of the prefix, e.g. "time,caller,crlf"
	OrderBreaks  int    `json:"order_breaks"`
	OutOfOrder   int    `json:"out_of_order"`
	Torn         int    `json:"torn"` // occurrences, replayed ones too
	ReplayNotes  int    `json:"replay_notes"`
	Repeats      int    `json:"repeats"` // whole records on the wire once more
	DroppedNotes int    `json:"dropped_notes"`
	Dropped      uint64 `json:"dropped"` // sum of their counts
	Reboots      int    `json:"reboots"`
}

// Wire describes the capture.
type Wire struct {
	Bytes       int64  `json:"bytes"`
	Clock       string `json:"clock"`
	Finished    bool   `json:"finished"`
	Record      int64  `json:"record_bytes"`
	Meta        int64  `json:"meta_bytes"`
	Foreign     int64  `json:"foreign_bytes"`
	Unexplained int64  `json:"unexplained_bytes"`
	FirstNS     *int64 `json:"first_ns"`
	LastNS      *int64 `json:"last_ns"`
	// Rate inside records, bytes/s: median; null without times.
	Rate *float64 `json:"rate"`
}

// Ring describes the ringbuffer.
type Ring struct {
	Release string `json:"release"`
	Records int    `json:"records"`
	// What the witness does not know is null.
	Reserved    *int    `json:"reserved"`
	Overwritten *uint64 `json:"overwritten"`
	Failed      *uint64 `json:"failed"`
	NextSeq     *uint64 `json:"next_seq"`
	// Witness is what the log was read from, if that does not know everything; null: a dump of memory.
	Witness *ring.Witness `json:"witness"`
	// Consoles are the serial consoles when the memory was read, and who owned them; null: none found.
	Consoles []ring.Console `json:"consoles"`
}

// GradeEvent is an event as the grade tells it.
type GradeEvent struct {
	Name     string `json:"name"`
	Code     int    `json:"code"`
	Arg      uint32 `json:"arg"`
	NS       int64  `json:"ns"`
	WireByte int64  `json:"wire_byte"`
	// SinceProvoke is ns after the last provocation rung before it.
	SinceProvoke *int64 `json:"since_provoke_ns"`
	// CPU rang, Writer had written to the UART last. null: the board does not see it.
	CPU    *int `json:"cpu"`
	Writer *int `json:"writer"`
}

// Delay is the time between two named moments.
type Delay struct {
	From  string `json:"from"`
	To    string `json:"to"`
	NS    int64  `json:"ns"`
	Bytes int64  `json:"bytes"` // that left the UART between them
}
