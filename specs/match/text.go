// SPDX-License-Identifier: Apache-2.0

package match

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/onsi/gomega/types"

	"lastpage/harness"
	"lastpage/harness/grade"
)

// HaveLineOnTheWire: a line of the wire, without its line end, matches the regular expression. A line that was cut short counts as far as
// it is there.
func HaveLineOnTheWire(pattern string) types.GomegaMatcher {
	return line("have a line on the wire that matches", pattern, func(t *harness.Trial) ([]byte, error) {
		log, err := load(t)
		if err != nil {
			return nil, err
		}
		return log.Bytes(0, log.Len()), nil
	})
}

// HaveLineStored: a line of the ringbuffer, as dmesg prints it, matches the regular expression.
func HaveLineStored(pattern string) types.GomegaMatcher {
	return line("have a line in the ringbuffer that matches", pattern, func(t *harness.Trial) ([]byte, error) {
		if t == nil {
			return nil, fmt.Errorf("a grade alone has no ringbuffer: give the trial")
		}
		return os.ReadFile(filepath.Join(t.Dir(), harness.DmesgName))
	})
}

func line(sentence, pattern string, read func(*harness.Trial) ([]byte, error)) types.GomegaMatcher {
	return about(fmt.Sprintf("%s %q", sentence, pattern), func(t *harness.Trial, _ *grade.Grade) ([]string, error) {
		re, err := regexp.Compile(pattern)
		if err != nil {
			return nil, err
		}
		text, err := read(t)
		if err != nil {
			return nil, err
		}
		n := 0
		for l := range bytes.Lines(text) {
			if n++; re.Match(bytes.TrimRight(l, "\r\n")) {
				return nil, nil
			}
		}
		return []string{fmt.Sprintf("none of its %d lines does", n)}, nil
	})
}
