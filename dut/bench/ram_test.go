// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lastpage/dut"
	"lastpage/kernels/plan"
)

// The second kernel is kept out of the first one's place and told of it, and its call is taken, whether the first one died or not.
func TestRAM(t *testing.T) {
	for name, c := range map[string]struct {
		place *plan.Place
		calls bool
		want  string // of the error; "": none
	}{
		"whole":        {placed(0x17a00000), true, ""},
		"no call":      {placed(0x17a00000), false, "no second kernel called 127.0.0.1:"},
		"in the way":   {placed(0x1000000), false, "take nokaslr from its command line"},
		"where is not": {nil, false, "has not told where its kernel lies"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &peer{}
			d := &RAM{Receiver: receiver(t).Receiver, Initrd: []byte("another")}
			if d.Within = time.Minute; !c.calls {
				d.Within = 300 * time.Millisecond
			}
			path := vmcoreFile(t)
			armed := said(t, plan.Message{Event: plan.EventArmed, Release: "6.12", ConsoleLoglevel: 7, Sysrq: 1, Place: c.place})
			starts := 0
			p.kernel = func(say func(string)) {
				if starts++; starts == 1 {
					say("[    0.0] Linux version 6.12\n" + armed + backlog(3))
				} else if c.calls {
					go func() {
						for caller(d.Listen, plan.OfferWord, path, -1, 0) != nil {
							time.Sleep(time.Millisecond)
						}
					}()
				}
			}
			var typed []string
			p.answer = func(line string) (string, bool) {
				typed = append(typed, line)
				return "", false
			}
			s, load := setup(t, p, "")
			load.Cmdline += " " + d.Cmdline(spoiling{}.Spoils())
			s.Console = p.reopened
			s.Reset, s.Dump, s.Boot = reset{p}, d, spoiling{s.Boot}
			p.sizes = nil
			b, _, err := play(t, s, load, dut.Trigger{Name: "end", When: dut.AtQuiet, N: int64(50 * time.Millisecond), Do: dut.Stop})
			if err != nil {
				t.Fatal(err)
			}
			b.Audit()
			p.sizes = nil
			dir := t.TempDir()
			err = b.Dump(t.Context(), dir)
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("error %v, want %q", err, c.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(filepath.Join(dir, dut.DumpName)); err != nil {
				t.Error(err)
			}
			words := `a=\$b memmap=0x33fdc000\$0xc000000 lastpage.memory=0x1024@0x1a79e000,0x33fdc000@0xc000000`
			if !slices.ContainsFunc(typed, func(l string) bool { return strings.HasSuffix(l, words) }) {
				t.Errorf("typed %q", typed)
			}
		})
	}
}

// placed is a machine of 1 GiB whose kernel lies at an address.
func placed(at uint64) *plan.Place {
	return &plan.Place{RAM: []plan.Span{{At: 0xc000000, Size: 0x33fdc000}}, Kernel: plan.Span{At: at, Size: 0x2e00000}, VMCoreInfo: plan.Span{At: 0x1a79e000, Size: 0x1024}}
}

// spoiling is a loader that is known to overwrite what zboot does.
type spoiling struct{ Loader }

// Spoils implements Spoiler.
func (s spoiling) Spoils() []plan.Span {
	return (&UBoot{KernelAt: 0x4000000, InitrdAt: 0x8000000, Start: "zboot"}).Spoils()
}

// What overlaps is one span.
func TestSpoils(t *testing.T) {
	for at, want := range map[[2]uint64][]plan.Span{
		{0x4000000, 0x8000000}:  {{At: 0x100000, Size: 0xbf00000}},
		{0x20000000, 0x4000000}: {{At: 0x100000, Size: 0x7f00000}, {At: 0x20000000, Size: 0x4000000}},
	} {
		if got := (&UBoot{KernelAt: at[0], InitrdAt: at[1], Start: "zboot"}).Spoils(); !slices.Equal(got, want) {
			t.Errorf("%#x: %+v", at, got)
		}
	}
}
