// SPDX-License-Identifier: Apache-2.0

// Package gate decides: which letter is good enough, how sure a share is. It is a pure function of grades and counts.
package gate

import "math"

// Interval is a confidence interval of a share.
type Interval struct{ Low, High float64 }

// Wilson is the 95 % score interval of k successes in n trials (Wilson, J. Am. Stat. Assoc. 22, 1927). n must be positive.
func Wilson(k, n int) Interval {
	const z = 1.959964
	p, m := float64(k)/float64(n), float64(n)
	mid := (p + z*z/(2*m)) / (1 + z*z/m)
	half := z / (1 + z*z/m) * math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	return Interval{math.Max(0, mid-half), math.Min(1, mid+half)}
}
