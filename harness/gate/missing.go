// SPDX-License-Identifier: Apache-2.0

package gate

import "math"

// mostMissing is the number beyond which no number of courses is named.
const mostMissing = 10_000

// missing is how many courses beyond n decide, if the shares stay; nil if mostMissing do not.
func missing(n int, of func(k int) Verdict) *int {
	for k := n + 1; k <= mostMissing; k += 1 + (k-n)/20 {
		if of(k) != Unknown {
			return ptr(k - n)
		}
	}
	return nil
}

// beyond is the same of a test that was given what was seen again and again.
func beyond(n int) func(Verdict, int) *int {
	return func(v Verdict, at int) *int {
		if v == Unknown || at <= n {
			return nil
		}
		return ptr(at - n)
	}
}

// scaled is what k of n would be of m.
func scaled(k, n, m int) int { return int(math.Round(float64(k) * float64(m) / float64(n))) }

// again is all repeated up to mostMissing.
func again[T any](all []T) []T {
	out := make([]T, mostMissing)
	for i := range out {
		out[i] = all[i%len(all)]
	}
	return out
}
