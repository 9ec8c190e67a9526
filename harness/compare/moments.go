// SPDX-License-Identifier: Apache-2.0

package compare

import (
	"context"
	"fmt"
	"time"

	"lastpage/harness"
)

// The ways to spread the points of a sweep over its course, from the provocation to the end of what it makes the kernel send.
const (
	ByByte   = "byte"   // evenly over the bytes on the wire, the first and the last among them
	ByRecord = "record" // after the last byte of each record on the wire; evenly chosen if there are more of them than points
	ByTime   = "time"   // evenly over the time
)

// SweepBy is all of them.
var SweepBy = []string{ByByte, ByRecord, ByTime}

// moments are the points of a sweep, in the order of their time.
func (o SweepOrder) moments(ctx context.Context, ref *harness.Trial, sw *Sweep) ([]harness.Inject, error) {
	switch o.By {
	case ByByte:
		return each(min(int64(o.Points), sw.Span), func(i, n int64) harness.Inject { return byteInject(1 + even(i, n, sw.Span-1)) }), nil
	case ByTime:
		return each(min(int64(o.Points), sw.SpanNS), func(i, n int64) harness.Inject { return timeInject(1 + even(i, n, sw.SpanNS-1)) }), nil
	case ByRecord:
		s, err := harness.Survive(ctx, ref)
		if err != nil {
			return nil, err
		}
		var ends []int64
		for _, r := range s.Records {
			if r.Byte <= sw.Span && (len(ends) == 0 || r.Byte > ends[len(ends)-1]) {
				ends = append(ends, r.Byte)
			}
		}
		if len(ends) == 0 {
			return nil, fmt.Errorf("sweep: no record of the reference is whole on the wire after the provocation")
		}
		last := int64(len(ends) - 1)
		return each(min(int64(o.Points), last+1), func(i, n int64) harness.Inject { return byteInject(ends[even(i, n, last)]) }), nil
	}
	return nil, fmt.Errorf("sweep: points cannot be spread by %q, but by %v", o.By, SweepBy)
}

func byteInject(n int64) harness.Inject  { return harness.Inject{At: "byte", N: n} }
func timeInject(ns int64) harness.Inject { return harness.Inject{At: "time", Time: time.Duration(ns)} }

// even is the i-th of n places that are spread evenly from 0 to last.
func even(i, n, last int64) int64 {
	if n < 2 {
		return 0
	}
	return int64(float64(i) * float64(last) / float64(n-1))
}

func each(n int64, f func(i, n int64) harness.Inject) []harness.Inject {
	all := make([]harness.Inject, n)
	for i := range all {
		all[i] = f(int64(i), n)
	}
	return all
}

// folderOf is a name for the evidence of a point; by name they are in the order of their time.
func folderOf(in harness.Inject) string {
	if in.At == "time" {
		return fmt.Sprintf("time-%011d", in.Time.Nanoseconds())
	}
	return fmt.Sprintf("byte-%07d", in.N)
}
