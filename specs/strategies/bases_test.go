// SPDX-License-Identifier: Apache-2.0

package strategies_test

import (
	"context"
	"errors"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"lastpage/kernels"
	"lastpage/kernels/build"
	"lastpage/kernels/debian"
	"lastpage/kernels/patches"
)

// older are sources that a catalogue entry can name beside the newest one, which linux-7 stands for. An archive drops them one day.
var older = []debian.Request{{Package: "linux-source-7.2", Suite: "trixie-backports"}}

// A source is fetched and unpacked, nothing is built.
var _ = Describe("the patches apply to every base that the catalogue can fetch", func() {
	It("the kernels of the catalogue", func(ctx SpecContext) {
		cat, err := kernels.LoadCatalogue()
		Expect(err).NotTo(HaveOccurred())
		tried := 0
		for _, k := range cat.Kernels {
			if b := k.Source.Build; b != nil && b.Series != "" {
				applies(ctx, b.Source, b.Series)
				tried++
			}
		}
		Expect(tried).To(BeNumerically(">", 0), "kernels with patches")
	}, SpecTimeout(limit))
	for _, r := range older {
		It(r.String(), func(ctx SpecContext) {
			applies(ctx, build.Source{Package: &r}, "7.x")
		}, SpecTimeout(limit))
	}
})

// applies fails if the series, or a mutant on top of it, does not fit the source in every line.
func applies(ctx context.Context, from build.Source, series string) {
	GinkgoHelper()
	dir, err := build.Unpack(ctx, from, build.Lines(GinkgoWriter))
	if errors.Is(err, debian.ErrUnknown) {
		Skip(err.Error())
	}
	Expect(err).NotTo(HaveOccurred())
	list, err := patches.Series(series)
	Expect(err).NotTo(HaveOccurred())
	Expect(build.Applies(ctx, dir, list)).To(Succeed())
	for _, name := range patches.Mutants() {
		m, err := patches.Mutant(name)
		Expect(err).NotTo(HaveOccurred())
		Expect(build.Applies(ctx, dir, append(list[:len(list):len(list)], m))).To(Succeed())
	}
}
