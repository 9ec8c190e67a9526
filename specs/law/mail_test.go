// SPDX-License-Identifier: Apache-2.0

package law

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A mail of docs/mail has a subject, at most 15 lines of 75 columns, and one or two commands of this program or of make.
func TestMail(t *testing.T) {
	files, err := filepath.Glob("../../docs/mail/*.txt")
	if err != nil || len(files) < 2 {
		t.Fatalf("%d mails, %v", len(files), err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
		commands := 0
		for i, l := range lines {
			if len(l) > 75 {
				t.Errorf("%s:%d: %d columns, want at most 75", f, i+1, len(l))
			}
			if strings.HasPrefix(l, "  make ") || strings.HasPrefix(l, "  ./lastpage ") {
				commands++
			}
		}
		if !strings.HasPrefix(lines[0], "Subject: ") || len(lines) > 15 || commands < 1 || commands > 2 {
			t.Errorf("%s: %d lines and %d commands after %q", f, len(lines), commands, lines[0])
		}
	}
}
