// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"math"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/combin"
)

// upper is the one-sided exact bound of a share of which k of n draws were seen (Clopper and Pearson): the share is above it with a
// probability of at most tail. Of 0 of 299 it is 0.00997 at 0.05.
func upper(k, n int, tail float64) float64 {
	if k >= n {
		return 1
	}
	if k == 0 {
		return 1 - math.Pow(tail, 1/float64(n))
	}
	return mathext.InvRegIncBeta(float64(k+1), float64(n-k), 1-tail)
}

// lower is the same from below.
func lower(k, n int, tail float64) float64 {
	if k <= 0 {
		return 0
	}
	return 1 - upper(n-k, n, tail)
}

// harmBound is the most by which head's share of courses may lie below base's, if of n pairs of courses so many were harmed (base held, head
// did not) and so many mended. It is exceeded with a probability of at most tail, whether the courses of a pair have anything to do with each
// other or not: the difference of the shares is that of harmed and mended pairs.
func harmBound(harmed, mended, n int, tail float64) float64 {
	return upper(harmed, n, 0.8*tail) - lower(mended, n, 0.2*tail)
}

// harmLeast is the least of it, in the same way.
func harmLeast(harmed, mended, n int, tail float64) float64 {
	return lower(harmed, n, 0.8*tail) - upper(mended, n, 0.2*tail)
}

// Lower is the one-sided p of Fisher's exact test for k of n in head and l of m in base: how often head's share would come out so low or
// lower, if both were samples of one share. n and m must be positive. The courses of a pair may resemble each other: that only makes the
// test more careful.
func Lower(k, n, l, m int) float64 {
	log := func(a, b int) float64 { return combin.LogGeneralizedBinomial(float64(a), float64(b)) }
	p := 0.0
	for x := max(0, k+l-m); x <= k; x++ {
		p += math.Exp(log(n, x) + log(m, k+l-x) - log(n+m, k+l))
	}
	return math.Min(1, p)
}

// tailOf is the probability of k or more of n draws of a share.
func tailOf(k, n int, share float64) float64 {
	switch {
	case k <= 0:
		return 1
	case k > n || share <= 0:
		return 0
	}
	return mathext.RegIncBeta(float64(k), float64(n-k+1), share)
}
