// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Inject is the moment at which a trial is interrupted, counted from the provocation.
type Inject struct {
	At   string        `json:"at"`             // "share", "byte", "time", "pattern", "symbol"
	N    int64         `json:"n,omitempty"`    // byte: bytes of wire after the provocation; symbol: the n-th entry
	Pct  float64       `json:"pct,omitempty"`  // share: percent of the bytes that were pending at the provocation
	Time time.Duration `json:"time,omitempty"` // time: ns of the wire's clock
	Text string        `json:"text,omitempty"` // pattern: bytes on the wire; symbol: its name
}

// Injects explains the forms that ParseInject reads.
const Injects = `share:50%        when half of the bytes that were pending at the provocation are out
byte:12000       after so many bytes of wire
time:2s          after so much time on the wire's clock
pattern:TEXT     when TEXT has been on the wire
symbol:NAME[,N]  when the kernel enters NAME, for the N-th time`

// ParseInject reads one of the forms of Injects.
func ParseInject(s string) (Inject, error) {
	kind, v, ok := strings.Cut(s, ":")
	bad := func(why string) (Inject, error) {
		return Inject{}, fmt.Errorf("inject %q: %s; the forms are\n%s", s, why, Injects)
	}
	if !ok || v == "" {
		return bad("a kind and a value are needed")
	}
	in := Inject{At: kind}
	switch kind {
	case "share":
		pct, err := strconv.ParseFloat(strings.TrimSuffix(v, "%"), 64)
		if err != nil || pct < 0 || pct > 100 {
			return bad("want a percentage between 0 and 100")
		}
		in.Pct = pct
	case "byte":
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n < 1 {
			return bad("want a number of bytes, 1 or more")
		}
		in.N = n
	case "time":
		d, err := time.ParseDuration(v)
		if err != nil || d <= 0 {
			return bad("want a duration such as 2s or 150ms")
		}
		in.Time = d
	case "pattern":
		if len(v) > 64 {
			return bad("at most 64 bytes are matched")
		}
		in.Text = v
	case "symbol":
		name, n, counted := strings.Cut(v, ",")
		in.Text, in.N = name, 1
		if counted {
			k, err := strconv.ParseInt(n, 10, 64)
			if err != nil || k < 1 {
				return bad("want a count of 1 or more after the comma")
			}
			in.N = k
		}
	default:
		return bad("unknown kind")
	}
	return in, nil
}

// String is the form that ParseInject reads.
func (in Inject) String() string {
	switch in.At {
	case "share":
		return fmt.Sprintf("share:%g%%", in.Pct)
	case "byte":
		return fmt.Sprintf("byte:%d", in.N)
	case "time":
		return fmt.Sprintf("time:%s", in.Time)
	case "pattern":
		return "pattern:" + in.Text
	case "symbol":
		return fmt.Sprintf("symbol:%s,%d", in.Text, in.N)
	}
	return "none"
}

// needsReference says whether only an uninterrupted trial tells when the moment is.
func (in Inject) needsReference() bool { return in.At == "share" || in.At == "symbol" }
