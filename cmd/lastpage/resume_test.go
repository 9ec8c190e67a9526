// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"lastpage/harness/compare"
)

// The command that goes on is told where there is something to go on with, whatever it was that ended the one before: not where another lastpage
// works, where the order was refused, or where nothing was left.
func TestResumable(t *testing.T) {
	full, empty := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(full, compare.RunName), []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	disk := errors.New("no space left on device")
	for _, tt := range []struct {
		name, dir string
		err       error
		ctx       context.Context
		first     string
		goesOn    bool
	}{
		{"interrupted", full, fmt.Errorf("trial x: %w", context.Canceled), interrupted, "interrupted", true},
		{"interrupted, nothing left", empty, context.Canceled, interrupted, "context canceled", false},
		{"a program died of it before it had a process group of its own", full, exec.Command("sh", "-c", "kill -INT $$").Run(), t.Context(), "interrupted", true},
		{"disk", full, disk, t.Context(), disk.Error(), true},
		{"refused", full, &compare.DiffersError{Dir: full, Name: "baud", Was: "9600", Now: "115200"}, t.Context(),
			full + ` was made with baud "9600", now it is "115200": take a new folder, or the old baud`, false},
		{"busy", full, &compare.BusyError{Dir: full, PID: "1"}, t.Context(), (&compare.BusyError{Dir: full, PID: "1"}).Error(), false},
	} {
		c := &cobra.Command{}
		c.SetContext(tt.ctx)
		first, rest, _ := strings.Cut(resumable(tt.err, c, tt.dir).Error(), "\n")
		if first != tt.first || strings.Contains(rest, "--out "+tt.dir) != tt.goesOn {
			t.Errorf("%s: %q\n%s", tt.name, first, rest)
		}
	}
}
