// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"fmt"
	"slices"
	"strings"

	"lastpage/harness/grade"
)

// Letters of a grade, best first (harness/grade/letter.go says what they mean).
var Letters = []string{"A", "B", "C", "D", "E", "F"}

// CheckLetter says what is wrong with a letter that is required.
func CheckLetter(l string) error {
	if !slices.Contains(Letters, l) {
		return fmt.Errorf("want one of %s", strings.Join(Letters, " "))
	}
	return nil
}

// Verdict is one of three, never two.
type Verdict int

const (
	Pass Verdict = iota
	Fail         // the kernel's
	Unknown
)

var verdicts = []string{"pass", "fail", "cannot tell"}

func (v Verdict) String() string { return verdicts[v] }

// MarshalText implements encoding.TextMarshaler.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (v *Verdict) UnmarshalText(b []byte) error {
	i := slices.Index(verdicts, string(b))
	if i < 0 {
		return fmt.Errorf("verdict %q: want one of %s", b, strings.Join(verdicts, ", "))
	}
	*v = Verdict(i)
	return nil
}

// Require holds one grade against a letter. A grade that has none can neither pass nor fail.
func Require(g *grade.Grade, letter string) Verdict {
	switch has := slices.Index(Letters, g.Letter); {
	case has < 0 || len(g.Void) > 0:
		return Unknown
	case has > slices.Index(Letters, letter):
		return Fail
	}
	return Pass
}
