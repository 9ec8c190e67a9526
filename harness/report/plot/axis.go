// SPDX-License-Identifier: Apache-2.0

package plot

import (
	"math"
	"strconv"
	"strings"
)

// axis places a value, from 0 to its span, on a line from 0 to 1.
type axis interface {
	at(x float64) float64
	// ticks are the values that get a label, and those that only get a mark.
	ticks() (major, minor []float64)
	caption() string
}

type even struct{ span float64 }

func (e even) at(x float64) float64 { return x / e.span }
func (e even) caption() string      { return "even axis" }

// ticks are at most eleven, in steps of 1, 2 or 5 times a power of ten.
func (e even) ticks() (major, minor []float64) {
	step := math.Pow(10, math.Floor(math.Log10(e.span/10)))
	for _, m := range []float64{1, 2, 5, 10} {
		if e.span/(step*m) <= 10 {
			step *= m
			break
		}
	}
	for i := 0.0; i*step <= e.span; i++ {
		major = append(major, i*step)
	}
	return major, nil
}

// logarithmic has a 0: it places 1+x.
type logarithmic struct{ span float64 }

func (l logarithmic) at(x float64) float64 { return math.Log1p(x) / math.Log1p(l.span) }
func (l logarithmic) caption() string      { return "logarithmic axis" }

func (l logarithmic) ticks() (major, minor []float64) {
	major = []float64{0}
	for ten := 1.0; ten <= l.span; ten *= 10 {
		major = append(major, ten)
		for m := 2.0; m < 10 && m*ten <= l.span; m++ {
			minor = append(minor, m*ten)
		}
	}
	return major, minor
}

// label is a number in plain digits, with commas between thousands.
func label(x float64) string {
	whole, rest, ok := strings.Cut(strconv.FormatFloat(x, 'f', -1, 64), ".")
	var b strings.Builder
	for i, d := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 && d != '-' && whole[i-1] != '-' {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	if ok {
		b.WriteString("." + rest)
	}
	return b.String()
}
