// SPDX-License-Identifier: Apache-2.0

package plan

import "strings"

// Pstore is memory that a reset leaves as it is, in which a kernel that dies keeps the end of its log (fs/pstore/ram.c).
type Pstore struct {
	Modules []string `json:"modules"` // in load order; none: it is built in
	Params  string   `json:"params"`  // of the last of them
	// Read: this is the kernel after the reset. It sends what was kept (EventKept, then EventDone), removes it, and does nothing else.
	Read bool `json:"read,omitempty"`
}

// PstoreFolder is where an initramfs has those modules.
const PstoreFolder = "/lastpage/pstore"

// MaxPiece bounds the data of one EventKept, bytes.
const MaxPiece = 24 << 10

func (s *Pstore) validate(bad func(string, ...any)) {
	for _, m := range s.Modules {
		if !strings.HasPrefix(m, "/") {
			bad("pstore: module %q: want an absolute path", m)
		}
	}
	if strings.ContainsAny(s.Params, "\x00\n") {
		bad("pstore: params %q: want one line", s.Params)
	}
}
