// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// ReportName is the file beside wire.bin that says what a capture of a real line is worth. A capture of the exact wire has none.
const ReportName = "capture.json"

// ReportSchema names the form of a Report. Fields may be added under the same number; a change of meaning takes a new one.
const ReportSchema = "lastpage.capture/1"

// Report says what a capture is worth.
type Report struct {
	Schema      string   `json:"schema"`
	Name        string   `json:"name"`
	Baud        int      `json:"baud"`         // read back from the driver or the server; 0 unknown
	HasCounters bool     `json:"has_counters"` // false: an overrun would not have been seen
	Unseen      []string `json:"unseen"`       // what may have happened to the line without our seeing it
	Gaps        int      `json:"gaps"`         // times the port went away
	Stalls      int      `json:"stalls"`       // times we stood still so long that bytes may be lost
	Others      []string `json:"others"`       // other programs that had the port open meanwhile
	Unread      int      `json:"unread"`       // bytes that the port received and we never read
	Counted     Counted  `json:"counted"`
	Modem       string   `json:"modem,omitempty"` // the modem lines that were up at the last notice; "" unknown
	Void        []string `json:"void"`            // why nothing may be graded on it; empty: nothing was seen to be lost
}

// Counted is how often each was seen.
type Counted struct {
	Overrun int `json:"overrun"` // in the UART or in the tty buffer
	Framing int `json:"framing"`
	Parity  int `json:"parity"`
	Break   int `json:"break"`
}

// Save writes the report into the folder of its capture.
func (r *Report) Save(dir string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, ReportName), append(b, '\n'), 0o644)
	}
	if err != nil {
		return fmt.Errorf("write the report of a capture: %w", err)
	}
	return nil
}

// LoadReport reads the report in a folder; nil without an error: there is none.
func LoadReport(dir string) (*Report, error) {
	path := filepath.Join(dir, ReportName)
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	r := new(Report)
	if err == nil {
		err = json.Unmarshal(b, r)
	}
	if err == nil && r.Schema != ReportSchema {
		err = fmt.Errorf("schema %q, this program reads %q", r.Schema, ReportSchema)
	}
	if err != nil {
		return nil, fmt.Errorf("read the report of a capture %s: %w", path, err)
	}
	return r, nil
}
