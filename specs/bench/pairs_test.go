// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"context"
	"maps"
	"os"
	"slices"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"lastpage/harness/grade"
	"lastpage/specs/kit"
	"lastpage/specs/parts"
)

// spared keeps a system out of the memory in which the kernel of a trial leaves its log (ramoops, as the bench's inventory has it).
const spared = "memmap=0x100000$0x30000000"

// Each way to boot with each dump for which the board boots again, or has another kernel. specs/bench has U-Boot with all of them.
var _ = Describe("a dump of a board that is not typed at as U-Boot is", Label("bench", "pairs"), func() {
	BeforeEach(func() {
		if os.Getenv("LASTPAGE_SERIES") == "" {
			Skip("only with LASTPAGE_SERIES")
		}
	})
	// Started by that EFI a kernel knows its port by no PNP, and drops a BREAK that comes while it prints.
	kills := func(way string) string {
		if way == "grub-serial" {
			return "nmi-panic"
		}
		return "break-panic"
	}
	ways := map[string]func(ctx context.Context, kind string) *kit.Lab{
		"netboot": func(_ context.Context, kind string) *kit.Lab {
			b, _ := board(kind)
			return networked(b)
		},
		"pxelinux": func(ctx context.Context, kind string) *kit.Lab { return carded(ctx, "pxe-"+kind, kind) },
		"kexec": func(ctx context.Context, kind string) *kit.Lab {
			b, _ := board(kind)
			return shelled(ctx, b, spared)
		},
		"grub-serial": func(ctx context.Context, kind string) *kit.Lab {
			found, _ := board(kind)
			b := *found
			b.Words = "efi=noruntime" // its EFI has 32 bits: a kernel would take no crash kernel
			return grubbed(ctx, &b)
		},
		"installed": func(ctx context.Context, kind string) *kit.Lab { return disked(ctx, "disk-"+kind, kind, spared) },
	}
	for _, name := range slices.Sorted(maps.Keys(ways)) {
		way := ways[name]
		It("comes from a crash kernel: "+name, func(ctx SpecContext) {
			t := dead(ctx, way(ctx, parts.Kdump), kills(name))
			Expect(t.Armed.CrashLoaded).To(BeTrue())
			Expect(t.RingWhy).To(BeEmpty())
			Expect(t.Grade.Sections[grade.Backlog].Stored.Records).To(Equal(600))
			Expect(t.Grade.Sections[grade.Panic].Stored.Records).To(BeNumerically(">", 0))
		}, SpecTimeout(bootLimit))
		It("is the log that is kept over a reset: "+name, func(ctx SpecContext) {
			t := dead(ctx, way(ctx, parts.Pstore), kills(name))
			Expect(t.RingWhy).To(BeEmpty())
			Expect(t.Grade.Ring.Witness.Kind).To(Equal("pstore"))
			Expect(t.Grade.Sections[grade.Backlog].Stored.Records).To(Equal(600))
		}, SpecTimeout(bootLimit))
	}
})
