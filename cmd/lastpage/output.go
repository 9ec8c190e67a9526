// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
)

// jsonFlag adds --json to a command that prints a table.
func jsonFlag(c *cobra.Command) *bool {
	return c.Flags().Bool("json", false, "print JSON (docs/json.md describes it)")
}

// printJSON writes v as indented JSON with a newline behind it.
func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// table starts a table whose columns are separated by tabs; the caller flushes it.
func table(w io.Writer, header string) *tabwriter.Writer {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, header)
	return t
}

// progress shows what long work is at: one line that is rewritten on a terminal, a line per step elsewhere.
type progress struct {
	w        io.Writer
	terminal bool
	start    time.Time
	last     string
}

func newProgress(w io.Writer) *progress {
	p := &progress{w: w, start: time.Now()}
	if f, ok := w.(*os.File); ok {
		_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
		p.terminal = err == nil
	}
	return p
}

// step says what is being done now.
func (p *progress) step(format string, a ...any) {
	line := fmt.Sprintf(format, a...)
	if line == p.last {
		return
	}
	p.last = line
	s := int(time.Since(p.start).Seconds())
	if p.terminal {
		fmt.Fprintf(p.w, "\r\x1b[K%d:%02d %s", s/60, s%60, line)
		return
	}
	fmt.Fprintf(p.w, "%d:%02d %s\n", s/60, s%60, line)
}

// Write lets packages that print plain lines of progress do so.
func (p *progress) Write(b []byte) (int, error) {
	line := string(b)
	for len(line) > 0 && (line[len(line)-1] == '\n' || line[len(line)-1] == '\r') {
		line = line[:len(line)-1]
	}
	p.step("%s", line)
	return len(b), nil
}

// end leaves the terminal's cursor on a fresh line.
func (p *progress) end() {
	if p.terminal && p.last != "" {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
