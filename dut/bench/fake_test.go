// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"lastpage/capture/port"
	"lastpage/capture/wire"
	"lastpage/dut"
	"lastpage/dut/bench/power"
	"lastpage/kernels/plan"
)

// peer is a board that follows a script: it has a switch, a console, and a U-Boot of a few words. Its methods are called by the code under
// test only.
type peer struct {
	mu     sync.Mutex
	log    *wire.Log
	on     bool
	dead   bool                             // has no loader
	stuck  bool                             // takes orders of its switch and does nothing
	typed  string                           // of the line that is not whole
	echo   func(line string) string         // nil: as it is typed
	answer func(line string) (string, bool) // false: U-Boot's own
	kernel func(say func(string))           // what follows its start
	nmi    func(say func(string))           //
	hear   func(b []byte)                   // what is typed after its kernel has started; nil: nobody does
	sizes  map[string]int                   // of the files that TFTP brings
}

func (p *peer) say(text string) { p.raw([]byte(strings.ReplaceAll(text, "\n", "\r\n"))) }

func (p *peer) raw(b []byte) {
	if len(b) > 0 && p.on {
		_ = p.log.Append(b, now())
	}
}

// Log implements Console.
func (p *peer) Log() *wire.Log { return p.log }

// Run implements Console.
func (p *peer) Run(ctx context.Context, _ *wire.Writer) (*port.Report, error) {
	<-ctx.Done()
	p.log.Close(nil)
	return &port.Report{}, nil
}

// reopened is the console once more, with a log of its own.
func (p *peer) reopened(context.Context) (Console, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log = wire.NewLog(wire.Monotonic, wire.Frame{Baud: 115200, Bits: 10})
	return p, nil
}

// Caps implements port.Line.
func (p *peer) Caps() port.Caps { return port.Caps{Write: true, Break: true} }

// Break implements port.Line.
func (p *peer) Break(context.Context, time.Duration) error { return nil }

// Write implements port.Line.
func (p *peer) Write(_ context.Context, b []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hear != nil {
		p.hear(b)
		return nil
	}
	for _, c := range b {
		switch {
		case !p.on || p.dead:
		case c == 0x03:
			p.typed = ""
			p.say("<INTERRUPT>\n=> ")
		case c == '\r':
			line := p.typed
			p.typed = ""
			p.obey(line)
		default:
			p.typed += string(rune(c))
		}
	}
	return nil
}

func (p *peer) obey(line string) {
	echoed := line
	if p.echo != nil {
		echoed = p.echo(line)
	}
	p.say(echoed + "\n")
	if strings.HasPrefix(line, "zboot ") {
		p.kernel(p.say)
		return
	}
	text, own := "", false
	if p.answer != nil {
		text, own = p.answer(line)
	}
	if f := strings.Fields(line); !own && len(f) == 3 && f[0] == "tftpboot" {
		text = fmt.Sprintf("Bytes transferred = %d (hex)\n", p.sizes[f[2]])
	}
	p.say(text + "=> ")
}

// On implements power.Switch.
func (p *peer) On(context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stuck {
		return nil
	}
	if p.on = true; !p.dead {
		p.say("\nU-Boot 2023.01\n\nHit any key\n")
	}
	return nil
}

// Off implements power.Switch.
func (p *peer) Off(context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.on, p.typed, p.hear = false, "", nil
	return nil
}

// State implements power.Switch.
func (p *peer) State(context.Context) (power.State, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.on {
		return power.On, nil
	}
	return power.Off, nil
}

// Press implements power.Button.
func (p *peer) Press(context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.nmi == nil {
		return errors.New("invalid data field in request")
	}
	p.nmi(p.say)
	return nil
}

// testPlan provokes nothing and has a backlog of three.
func testPlan() *plan.Plan {
	p := plan.Default("0123abcd", 1)
	p.Backlog, p.Provoke, p.Report, p.Doorbell = 3, plan.ProvokeNone, plan.ReportConsole, plan.Doorbell{}
	return p
}

// report is what the guest says when it is armed.
func report(t *testing.T) string {
	m := &plan.Message{Event: plan.EventArmed, Release: "6.12", ConsoleLoglevel: 7, Sysrq: 1}
	data, err := m.Report()
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// setup is a board of p, whose kernel is armed and then says what follows.
func setup(t *testing.T, p *peer, follows string) (*Setup, Payload) {
	p.log = wire.NewLog(wire.Monotonic, wire.Frame{Baud: 115200, Bits: 10})
	armed := report(t)
	if p.kernel == nil {
		p.kernel = func(say func(string)) { say("[    0.000000] Linux version 6.12\n" + armed + follows) }
	}
	kernel := filepath.Join(t.TempDir(), "kernel")
	if err := os.WriteFile(kernel, []byte("a kernel"), 0o644); err != nil {
		t.Fatal(err)
	}
	u := &UBoot{Folder: t.TempDir(), KernelAt: 0x1000, InitrdAt: 0x2000, Start: "zboot"}
	if err := u.Check(); err != nil {
		t.Fatal(err)
	}
	s := &Setup{Name: "b", Place: "the script", Baud: 115200, Breaks: true, Power: p, NMI: p, Boot: &sized{u, p},
		Console: func(context.Context) (Console, error) { return p, nil },
		Within:  Limits{Power: 2 * time.Second, Boot: 2 * time.Second, Tries: 1}}
	return s, Payload{Kernel: kernel, Initrd: []byte("an initramfs"), Cmdline: "console=ttyS0,115200 a=$b", Plan: testPlan()}
}

// sized tells the script how large the files are.
type sized struct {
	*UBoot
	p *peer
}

func (s *sized) Prepare(p *Payload) (any, error) {
	f, err := s.UBoot.Prepare(p)
	if err == nil && s.p.sizes == nil {
		u := f.(*servedFiles)
		s.p.sizes = map[string]int{u.kernel.name: int(u.kernel.size), u.initrd.name: int(u.initrd.size)}
	}
	return f, err
}

// play conducts a trial with these triggers.
func play(t *testing.T, s *Setup, p Payload, ts ...dut.Trigger) (*dut.Board, *dut.Played, error) {
	t.Helper()
	b, err := Open(t.Context(), s, p)
	if err != nil {
		return nil, nil, err
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	played, err := dut.Play(t.Context(), b, ts)
	return b, played, err
}
