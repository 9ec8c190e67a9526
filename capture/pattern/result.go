// SPDX-License-Identifier: Apache-2.0

package pattern

// Kind says what became of bytes of a stream.
type Kind string

const (
	Lost     Kind = "lost"     // they did not come
	Changed  Kind = "changed"  // others came in their place
	Doubled  Kind = "doubled"  // they came once more, right after themselves
	Inserted Kind = "inserted" // bytes came that nobody sent
)

// Fault is bytes in a row to which the same happened. Where it could lie at several places, as the loss of one of two equal bytes, it is told
// of the first.
type Fault struct {
	Kind  Kind  `json:"kind"`
	At    int64 `json:"at"`    // offset in the stream; of what was inserted: of the byte that follows
	Got   int64 `json:"got"`   // offset in what came
	Bytes int64 `json:"bytes"` //
	// Coarse: nothing in it could be recognised. The kind is told from the number of bytes alone.
	Coarse bool `json:"coarse,omitempty"`
	// The beginning of what was sent and of what came in its place, in hex; "" where there is nothing.
	Sent string `json:"sent_hex,omitempty"`
	Came string `json:"came_hex,omitempty"`
}

// keptFaults are told one by one, and shown bytes of each.
const (
	keptFaults = 1000
	shown      = 16
)

// Result says what became of a stream. Received = Before + Matched + Changed + Doubled + Inserted + After, and End - First = Matched + Changed +
// Lost. All are bytes.
type Result struct {
	Received int64 `json:"received"` // of whatever came
	Before   int64 `json:"before"`   // came before the stream, and are not judged
	After    int64 `json:"after"`    // came after its end, likewise
	First    int64 `json:"first"`    // offset in the stream from which it was judged; above 0 only for who joined it on its way
	End      int64 `json:"end"`      // offset up to which it was judged
	Ended    bool  `json:"ended"`    // that is its end
	Matched  int64 `json:"matched"`  // came as they were sent
	Lost     int64 `json:"lost"`
	Changed  int64 `json:"changed"`
	Doubled  int64 `json:"doubled"`
	Inserted int64 `json:"inserted"`
	// Faults are the first ones, in their order; Total is how many there are.
	Faults []Fault `json:"faults"`
	Total  int64   `json:"faults_total"`
}

// Clean says that nothing happened to what was judged.
func (r *Result) Clean() bool { return r.Lost+r.Changed+r.Doubled+r.Inserted == 0 }

// add counts bytes to which something happened.
func (r *Result) add(f Fault) {
	if f.Bytes == 0 {
		return
	}
	switch f.Kind {
	case Lost:
		r.Lost += f.Bytes
	case Changed:
		r.Changed += f.Bytes
	case Doubled:
		r.Doubled += f.Bytes
	case Inserted:
		r.Inserted += f.Bytes
	}
	r.Total++
	if len(r.Faults) < keptFaults {
		r.Faults = append(r.Faults, f)
	}
}
