// SPDX-License-Identifier: Apache-2.0

// Package gate decides: which letter is good enough, how sure a share is, whether two shares differ. It is a pure function of grades and
// counts.
package gate

import (
	"math"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/combin"
)

// Interval is a confidence interval of a share.
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Share is the exact 95 % interval of k successes in n independent draws (Clopper and Pearson, Biometrika 26, 1934). n must be positive.
func Share(k, n int) Interval {
	const tail = 0.025
	in := Interval{0, 1}
	if k > 0 {
		in.Low = mathext.InvRegIncBeta(float64(k), float64(n-k+1), tail)
	}
	if k < n {
		in.High = mathext.InvRegIncBeta(float64(k+1), float64(n-k), 1-tail)
	}
	return in
}

// Differ is the two-sided p of Fisher's exact test for two shares, k of n and l of m: how often two samples of one share are at least as
// far from each other as these. n and m must be positive.
func Differ(k, n, l, m int) float64 {
	all := combin.LogGeneralizedBinomial(float64(n+m), float64(k+l))
	log := func(x int) float64 {
		return combin.LogGeneralizedBinomial(float64(n), float64(x)) + combin.LogGeneralizedBinomial(float64(m), float64(k+l-x)) - all
	}
	seen, p := log(k), 0.0
	for x := max(0, k+l-m); x <= min(n, k+l); x++ {
		if at := log(x); at <= seen+1e-9 {
			p += math.Exp(at)
		}
	}
	return math.Min(1, p)
}
