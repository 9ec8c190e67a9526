// SPDX-License-Identifier: Apache-2.0

package wiretest

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"lastpage/dut/qemu"
	"lastpage/kernels"
	"lastpage/kernels/names"
)

// Options of Run.
type Options struct {
	Only   []string                      // parts; none: all
	Quick  bool                          // few trials and little data: minutes instead of an hour
	Trials int                           // of each kind of trial; 0: as the test demands (50, or 3 when quick)
	Kernel string                        // of the catalogue, for the parts that need only one
	Binary string                        // of QEMU; "": from PATH
	Out    string                        // folder for what is too long for a table; "": nothing is written
	Tell   func(format string, a ...any) // called from several goroutines, one at a time
	Found  func(Fact)                    // called for each fact as it is found; may be nil
}

// part is one group of facts.
type part struct {
	name, about string
	takes       string // those of the options kernel, trials, quick and out that change what it does, by themselves or when quick is set
	run         func(ctx context.Context, t *test) error
}

func parts() []part {
	return []part{
		{"rate", "rate inside records at each baud rate and format", "kernel quick out", rate},
		{"gaps", "mean rate and gaps inside records, from the first byte of the boot on, every strategy, smp 1, 2 and 4", "kernel-when-quick quick out", gaps},
		{"loss", "repeated trials beside CPU hogs: no byte lost, ring and wire agree, exact and concurrent", "kernel trials quick out", loss},
		{"nmi", "an NMI at one byte of the wire, again and again: the same wire", "kernel trials quick", nmi},
		{"sweep", "an NMI at each of 1,000 consecutive bytes of a flush (--out DIR keeps the TSV)", "kernel quick out", sweep},
		{"tty", "a login shell on the line, stty at several rates, cat in both directions by interrupts", "kernel quick out", tty},
		{"uboot", "typing at U-Boot at full rate", "out", uboot},
		{"speed", "host time of a trial against the wire's own time, plain and fast; trials an hour", "kernel trials quick", speed},
		{"stock", "beside it: QEMU's own UART paced through a socketpair, and the records that this loses", "kernel", stock},
		{"accept", "plain against fast-forward on every kernel of the catalogue, smp 1 and 2: equal bytes and times", "kernel-when-quick quick", accept},
	}
}

// Parts lists the names of all parts with what each is about.
func Parts() (out [][2]string) {
	for _, p := range parts() {
		out = append(out, [2]string{p.name, p.about})
	}
	return out
}

// Takes says whether any of the parts of o does something else for an option: kernel, trials, quick, out.
func (o *Options) Takes(option string) bool {
	return slices.ContainsFunc(parts(), func(p part) bool {
		takes := strings.Fields(p.takes)
		return (len(o.Only) == 0 || slices.Contains(o.Only, p.name)) &&
			(slices.Contains(takes, option) || o.Quick && slices.Contains(takes, option+"-when-quick"))
	})
}

// CheckParts refuses a name that no part has.
func CheckParts(only []string) error {
	var all []string
	for _, p := range parts() {
		all = append(all, p.name)
	}
	for _, name := range only {
		if !slices.ContainsFunc(parts(), func(p part) bool { return p.name == name }) {
			return names.Unknown("part", name, "", all)
		}
	}
	return nil
}

// test is one run.
type test struct {
	Options
	cat    *kernels.Catalogue
	report *Report
	images map[string]*kernels.Image
}

// Run carries out the parts. A part that could not be carried out is a fact of its own; an error means that the run ended early, and the
// report then holds what was found until there.
func Run(ctx context.Context, cat *kernels.Catalogue, o Options) (*Report, error) {
	if o.Tell == nil {
		o.Tell = func(string, ...any) {}
	}
	if o.Kernel == "" {
		o.Kernel = "debian-6.12-cloud"
	}
	if o.Trials < 0 {
		return nil, fmt.Errorf("%d trials: want 1 or more", o.Trials)
	}
	var telling sync.Mutex
	tell := o.Tell
	o.Tell = func(format string, a ...any) {
		telling.Lock()
		defer telling.Unlock()
		tell(format, a...)
	}
	t := &test{Options: o, cat: cat, images: map[string]*kernels.Image{},
		report: &Report{Schema: Schema, Quick: o.Quick, Started: time.Now().UTC(), Facts: []Fact{}}}
	if err := CheckParts(o.Only); err != nil {
		return t.report, err
	}
	version, err := qemu.Version(ctx, o.Binary)
	if err != nil {
		return t.report, err
	}
	t.report.Host = map[string]string{"qemu": version, "cpus": fmt.Sprint(runtime.NumCPU()), "load": load()}
	for _, p := range parts() {
		if len(o.Only) > 0 && !slices.Contains(o.Only, p.name) {
			continue
		}
		if err := p.run(ctx, t); err != nil {
			if ctx.Err() != nil {
				return t.report, err
			}
			t.add(unknown(p.name, "the part ended early", err))
		}
	}
	now := time.Now().UTC()
	t.report.Finished = &now
	return t.report, nil
}

func (t *test) add(f Fact) {
	t.report.Facts = append(t.report.Facts, f)
	if t.Found != nil {
		t.Found(f)
	}
}

// trials is how many trials of a kind are made: full of them, or few when the test shall be quick.
func (t *test) trials(full, few int) int {
	switch {
	case t.Trials > 0:
		return t.Trials
	case t.Quick:
		return few
	}
	return full
}

// image is a kernel of the catalogue, ready to boot.
func (t *test) image(ctx context.Context, name string) (*kernels.Image, error) {
	if img := t.images[name]; img != nil {
		return img, nil
	}
	t.Tell("kernel %s", name)
	img, err := t.cat.Image(ctx, name, teller{t.Tell})
	if err != nil {
		return nil, err
	}
	t.images[name] = img
	return img, nil
}

// teller passes lines of progress on.
type teller struct{ tell func(string, ...any) }

func (w teller) Write(b []byte) (int, error) {
	w.tell("%s", strings.TrimRight(string(b), "\r\n"))
	return len(b), nil
}

var _ io.Writer = teller{}

// load is the host's load average: what is measured in host time is nothing without it.
func load() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(b))
}
