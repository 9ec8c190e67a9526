// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// A disk that is full is said by every command, whether it looks at its own writes or not.
func TestFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	for _, args := range [][]string{{"version"}, {"boards", "list"}, {"kernels", "list"}, {"stress", looped(t, -1), "--bytes", "640", "--quiet"}} {
		var errs bytes.Buffer
		if code := run(t.Context(), args, full, &errs); code != exitLabFailed || !strings.Contains(errs.String(), "no space left on device") {
			t.Errorf("%v: status %d: %s", args, code, errs.String())
		}
	}
}
