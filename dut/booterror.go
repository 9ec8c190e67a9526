// SPDX-License-Identifier: Apache-2.0

package dut

import (
	"bytes"
	"fmt"
	"strings"

	"lastpage/capture/wire"
)

// What a kernel that panics writes on its console. Whoever looks for a panic on a wire looks for these.
const (
	PanicBegins = wire.PanicText          // first of all
	PanicEnds   = "---[ end Kernel panic" // when it has done what it does
)

// deaths are the words of a kernel that will never be armed. One that dies before it can panic says the second (arch/x86/mm/extable.c).
var deaths = []string{PanicBegins, "PANIC: early exception"}

// BootError: the guest was never armed. If its kernel panicked or ended, that is the kernel's doing, and no other trial will do better. If
// it stood still, or said itself that it could not do what was asked, that cannot be told (Doubt).
// Every board gives it, whether the trial itself boots or the snapshot that it was to start from: Machine.Run, or what opens the board.
type BootError struct {
	Why     string   // a clause that ends before "before it was armed"
	Doubt   bool     // nothing shows that the kernel died: it, our own init, or the board may be to blame
	Console []string // the console's last lines, oldest first, at most lastLines
}

// lastLines is how much of a console an error shows: with the end of a panic comes its reason once more.
const lastLines = 12

// NewBootError is a BootError with the end of the console.
func NewBootError(why string, console []byte) *BootError {
	return &BootError{Why: why, Console: tail(console, lastLines)}
}

func (e *BootError) Error() string {
	if len(e.Console) == 0 {
		return fmt.Sprintf("boot: %s before it was armed; nothing was on its console", e.Why)
	}
	return fmt.Sprintf("boot: %s before it was armed; the last of its console:\n  %s", e.Why, strings.Join(e.Console, "\n  "))
}

// LastWords is a clause with the console's last line.
func (e *BootError) LastWords() string {
	if len(e.Console) == 0 {
		return "nothing was on its console"
	}
	return fmt.Sprintf("the last line of its console is %q", e.Console[len(e.Console)-1])
}

// Death finds the first words of a dying kernel: where they begin, and their line as far as it is there. at is -1 if there are none.
func Death(console []byte) (at int, line string) {
	at = -1
	for _, words := range deaths {
		if i := bytes.Index(console, []byte(words)); i >= 0 && (at < 0 || i < at) {
			at = i
		}
	}
	if at < 0 {
		return at, ""
	}
	rest, _, _ := bytes.Cut(console[at:], []byte("\n"))
	return at, strings.TrimRight(string(rest), "\r")
}

// tail are the last n lines that have something in them.
func tail(console []byte, n int) []string {
	var lines []string
	for line := range bytes.Lines(console) {
		if s := strings.TrimRight(strings.ToValidUTF8(string(line), "?"), "\r\n \t"); s != "" {
			lines = append(lines, s)
		}
	}
	return lines[max(0, len(lines)-n):]
}
