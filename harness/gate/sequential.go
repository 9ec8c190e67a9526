// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"math"
	"sort"
)

// Where nothing repeats itself, courses come one after another and a test looks after each of them. Both tests here bound their errors by
// Ville's inequality: a product of fair bets reaches 1/alpha with a probability of at most alpha, however often one looks.

// wald is Wald's sequential probability ratio test of a share of bad courses: p0 against p1. It fails at a ratio of 1/alpha and passes at
// beta. at is the number of courses after which it was decided.
func wald(bad []bool, p0, p1, alpha, beta float64) (v Verdict, at int) {
	ratio := 0.0
	for i, b := range bad {
		if b {
			ratio += math.Log(p1 / p0) // +Inf where p0 is 0: a single one decides
		} else {
			ratio += math.Log((1 - p1) / (1 - p0))
		}
		switch {
		case ratio >= -math.Log(alpha):
			return Fail, i + 1
		case ratio <= math.Log(beta):
			return Pass, i + 1
		}
	}
	return Unknown, len(bad)
}

// stakes are the parts of the largest bet that are put at the same time; a third of the purse each.
var stakes = []float64{0.3, 0.6, 0.9}

// purse is what is left of 1 that was put on several stakes, of which each has the logarithm of its winnings.
func purse(logs []float64) (sum float64) {
	for _, l := range logs {
		sum += math.Exp(l) / float64(len(logs))
	}
	return sum
}

// against is what a bet wins with x against a mean of most or more.
func against(x, most, stake float64) float64 {
	return math.Log1p(-stake / math.Max(1-most, 0.1) * (x - most))
}

// uniform is the bound of the mean of h that holds however often one looks: the mean is above it with a probability of at most tail. It is
// worked out in steps of 0.01.
func uniform(h []int, tail float64) float64 {
	won := func(most float64) bool {
		pass := make([]float64, len(stakes))
		for _, x := range h {
			for j, s := range stakes {
				pass[j] += against(float64(x), most, s)
			}
			if purse(pass) >= 1/tail {
				return true
			}
		}
		return false
	}
	return float64(sort.Search(100, func(step int) bool { return won(float64(step+1) / 100) })) / 100
}

// bets is the test of the mean of h, which is 1 for a harmed pair of courses, -1 for a mended one and 0 for any other. Against "at most by"
// it bets that harm goes on, against "by+p1 or more" that it does not (Waudby-Smith and Ramdas, JRSS B 86, 2024). How often pairs differ at
// all need not be known.
func bets(h []int, by, p1, alpha, beta float64) (v Verdict, at int) {
	most := by + p1
	fail, pass := make([]float64, len(stakes)), make([]float64, len(stakes))
	for i, x := range h {
		for j, s := range stakes {
			fail[j] += math.Log1p(s / (1 + by) * (float64(x) - by))
			pass[j] += against(float64(x), most, s)
		}
		switch {
		case purse(fail) >= 1/alpha:
			return Fail, i + 1
		case purse(pass) >= 1/beta:
			return Pass, i + 1
		}
	}
	return Unknown, len(h)
}
