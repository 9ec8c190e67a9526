// SPDX-License-Identifier: Apache-2.0

package foreign

import (
	"bytes"

	"lastpage/capture/ring"
	"lastpage/harness/align"
)

// maxContext bounds what stands in brackets after the time, bytes.
const maxContext = 48

// context takes out what the dump does not know of a record's prefix: an execution context after the time (CONFIG_PRINTK_EXECUTION_CTX), and
// the caller where the dump has none.
func (x *Exam) context(log *ring.Log) {
	noCaller := log != nil && log.Witness.NoCaller
	timed, odd := 0, 0
	for i := range x.lines {
		if n, _ := align.Stamp(x.lines[i].text); n > 0 {
			timed++
			if from, _ := brackets(x.lines[i].text, noCaller); from > 0 {
				odd++
			}
		}
	}
	if timed == 0 || odd*2 < timed {
		return
	}
	taken := 0
	for i := range x.lines {
		l := &x.lines[i]
		if from, to := brackets(l.text, noCaller); from > 0 {
			l.text = append(bytes.Clone(l.text[:from]), l.text[to:]...)
			taken++
		}
	}
	x.undone("the caller or the context after the time, which the dump does not know, is left out of %d lines", taken)
}

// brackets is where, directly after the time, brackets begin and end that are no caller as the kernel prints it, or any if all is set.
func brackets(text []byte, all bool) (from, to int) {
	from, _ = align.Stamp(text)
	if from == 0 || from >= len(text) || text[from] != '[' {
		return 0, 0
	}
	k := bytes.IndexByte(text[from:], ']')
	if k < 0 || k > maxContext || from+k+1 >= len(text) || text[from+k+1] != ' ' {
		return 0, 0
	}
	if n, _, _ := align.AnyPrefix(text); n > 0 && !all {
		return 0, 0 // it is a caller
	}
	return from, from + k + 1
}
