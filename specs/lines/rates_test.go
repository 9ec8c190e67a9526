// SPDX-License-Identifier: Apache-2.0

package lines_test

import (
	"context"
	"fmt"
	"os"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"lastpage/capture/pattern"
	"lastpage/capture/port"
	"lastpage/capture/stress"
)

// bootLimit bounds what hangs.
const bootLimit = time.Hour // a boot

// roundBytes make a round: short, so that a thousand of them end.
const roundBytes = 1024

// effort is how many rounds there are, and for how long the board sends: LASTPAGE_STRESS="1000 150s". In 150 s a board that keeps up with 10 %
// of its line sends a million bytes at 921600 baud.
func effort() (rounds int, long time.Duration) {
	GinkgoHelper()
	return asked("LASTPAGE_STRESS", 3, 2*time.Second)
}

// The stressor, at a UART that has a rate, with a kernel's driver behind it. It blames a line for what it has lost, and for nothing else.
var _ = Describe("the line of a UART", Label("rates"), func() {
	for _, baud := range []int{9600, 115200, 921600} {
		Describe(fmt.Sprintf("at %d baud", baud), Ordered, ContinueOnFailure, func() {
			var p *board
			BeforeAll(func(ctx SpecContext) {
				if baud != 115200 && os.Getenv("LASTPAGE_STRESS") == "" {
					Skip("only with LASTPAGE_STRESS")
				}
				p = newBoard(ctx, baud)
			}, NodeTimeout(bootLimit))

			// calibrated hears what the board sends at its full rate. lose is the place of a byte that is lost.
			calibrated := func(ctx context.Context, place string, long time.Duration, lose int64) {
				GinkgoHelper()
				had := p.gone(place)
				open := func(ctx context.Context, cfg port.Config) (stress.Port, error) {
					o, err := reached(ctx, cfg)
					if err != nil {
						return nil, err
					}
					p.line.lose(lose)
					return o, p.told("send %d", int(long.Seconds()))
				}
				r, err := stress.Run(ctx, stress.Config{Mode: stress.Listen, Ports: []port.Config{{Name: place, Baud: baud}}, Form: pattern.Text, Baud: baud, Time: hang + 2*long, Open: open})
				Expect(err).NotTo(HaveOccurred())
				Expect(r.Ports[0].Void).To(BeEmpty())
				l := r.Lines[0]
				Expect(l.Heard.Ended).To(BeTrue(), "%+v, it said %q", l.Heard, p.line.tail())
				lost := p.gone(place) - had
				if lose >= 0 {
					lost++
				}
				Expect(l.Heard.Lost).To(Equal(lost), "%+v", l.Heard)
				Expect(l.Heard.Changed+l.Heard.Doubled+l.Heard.Inserted).To(BeZero(), "%+v", l.Heard)
				Expect(l.Rate).NotTo(BeNil())
				AddReportEntry(fmt.Sprintf("%d baud, %s: of %d bytes %d lost, and %d found; %.0f bytes/s, %.1f %% of the line, longest gap %.1f ms",
					baud, place, l.Heard.End-l.Heard.First, lost, l.Heard.Lost, *l.Rate, *l.Rate*1000/float64(baud), float64(*l.GapNS)/1e6))
				p.says("ready\n")
			}
			both := func(ctx context.Context, place string) {
				GinkgoHelper()
				_, long := effort()
				calibrated(ctx, place, long, -1)
				calibrated(ctx, place, long, int64(long.Seconds())*int64(baud)/200)
			}
			It("tells what it lost, at a tty", func(ctx SpecContext) { both(ctx, p.pty.Path) })
			It("tells what it lost, through a terminal server", func(ctx SpecContext) { both(ctx, p.served()) })

			rounds := func(ctx context.Context, place string) {
				GinkgoHelper()
				n, _ := effort()
				for i := range n {
					had := p.gone(place)
					r, err := stress.Run(ctx, stress.Config{Mode: stress.Loopback, Ports: []port.Config{{Name: place, Baud: baud}}, Baud: baud, Bytes: roundBytes,
						Open: func(ctx context.Context, cfg port.Config) (stress.Port, error) { return reached(ctx, cfg) }})
					Expect(err).NotTo(HaveOccurred())
					l := r.Lines[0]
					Expect(l.Stuck).To(BeEmpty())
					Expect(l.Heard.Ended).To(BeTrue(), "round %d: %+v", i, l.Heard)
					Expect(r.Clean).To(Equal(p.gone(place) == had), "round %d: %+v", i, l.Heard)
					Expect(r.Ports[0].Void).To(BeEmpty(), "round %d", i)
				}
				AddReportEntry(fmt.Sprintf("%d baud, %s: %d rounds of %d bytes, no alarm", baud, place, n, roundBytes))
			}
			Describe("with a plug at its other end", func() {
				BeforeAll(func() {
					Expect(p.told("plug")).To(Succeed())
					p.says("the plug is in\n")
				})
				It("raises no alarm, at a tty", func(ctx SpecContext) { rounds(ctx, p.pty.Path) })
				It("raises no alarm, through a terminal server", func(ctx SpecContext) { rounds(ctx, p.served()) })
			})
		})
	}
})
