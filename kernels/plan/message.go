// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// ControlName is the name of the virtio-serial port that carries the control channel.
const ControlName = "lastpage.ctl"

// Events of the control channel, guest to host. One JSON object a line.
const (
	EventArmed = "armed" // everything is set; the fields of Message say how
	EventKmsg  = "kmsg"  // Line: one record of /dev/kmsg as read there
	EventError = "error" // Text: the guest cannot do what the plan says; nothing more will come
	EventDone  = "done"  // the provocation was survived
	EventKept  = "kept"  // Text: name of a record of pstore; Data: a piece of it, in their order; the last piece of a record is empty
	EventRan   = "ran"   // a plan's Run has ended; Text: how; Line: the end of what it wrote
)

// Go is the only line the host may send, for StartCommand.
const Go = "go"

// MaxMessage bounds one line, bytes.
const MaxMessage = 64 << 10

// Message is one line of the control channel.
type Message struct {
	Event string `json:"event"`
	Text  string `json:"text,omitempty"`
	Line  string `json:"line,omitempty"`
	Data  []byte `json:"data,omitempty"`
	At    int64  `json:"at,omitempty"`    // of EventKept: offset of the piece, bytes
	After bool   `json:"after,omitempty"` // of EventKmsg: read after the provocation, not before

	// of EventArmed, each read back from the running kernel:
	Release         string            `json:"release,omitempty"`
	Cmdline         string            `json:"cmdline,omitempty"`
	ConsoleLoglevel int               `json:"console_loglevel,omitempty"`
	Sysrq           int               `json:"sysrq,omitempty"`
	CPUs            int               `json:"cpus,omitempty"`
	PrintkTime      bool              `json:"printk_time,omitempty"`
	Consoles        string            `json:"consoles,omitempty"`     // /proc/consoles
	CrashLoaded     bool              `json:"crash_loaded,omitempty"` // a crash kernel is loaded
	Place           *Place            `json:"place,omitempty"`        // with Plan.Place
	Symbols         map[string]string `json:"symbols,omitempty"`      // name -> address, 16 hex digits; absent = the kernel has none
}

// ParseMessage reads one line. Unknown keys are let through: a newer guest may say more.
func ParseMessage(line []byte) (*Message, error) {
	line = bytes.TrimRight(line, "\r\n")
	if len(line) > MaxMessage {
		return nil, fmt.Errorf("read control line: %d bytes, at most %d", len(line), MaxMessage)
	}
	m := new(Message)
	if err := json.Unmarshal(line, m); err != nil {
		return nil, fmt.Errorf("read control line: %w", err)
	}
	if m.Event == "" {
		return nil, fmt.Errorf("read control line: no event in %.80q", line)
	}
	return m, nil
}
