// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lastpage/dut"
	"lastpage/kernels/plan"
)

// Each fault of a board is one error, which names its first cause.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		name  string
		peer  *peer
		board bool // the board's fault
		want  []string
	}{
		{"the switch takes the order and does nothing", &peer{stuck: true}, true, []string{"power on", `it still says "off"`, "right outlet"}},
		{"TFTP has no such file", &peer{answer: func(line string) (string, bool) {
			return "TFTP error: 'File not found' (1)\n", strings.HasPrefix(line, "tftpboot")
		}}, true, []string{"u-boot", "TFTP of", "File not found"}},
		{"TFTP brings another file", &peer{answer: func(line string) (string, bool) {
			return "Bytes transferred = 7 (7 hex)\n", strings.HasPrefix(line, "tftpboot")
		}}, true, []string{"brought 7 bytes", "the file has 8"}},
		{"characters are lost", &peer{echo: func(line string) string { return line[1:] }}, true, []string{"3 times", "characters are lost"}},
		{"the kernel hangs before it is armed", &peer{kernel: func(say func(string)) { say("[    0.0] Linux version 6.12\n") }}, false,
			[]string{"2s passed since the loader's last word", "Linux version 6.12"}},
		{"the kernel dies", &peer{kernel: func(say func(string)) { say("[    0.1] Kernel panic - not syncing: VFS\n") }}, false,
			[]string{"the kernel died (Kernel panic - not syncing: VFS)"}},
		{"the board resets", &peer{kernel: func(say func(string)) { say("[    0.1] x\n\nU-Boot 2023.01\n") }}, false,
			[]string{"came back to its loader"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, p := setup(t, c.peer, "")
			_, _, err := play(t, s, p)
			if err == nil {
				t.Fatal("no error")
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("error %q, want %q in it", err, w)
				}
			}
			if is := errors.As(err, new(*dut.BoardError)); is != c.board {
				t.Errorf("the board's fault: %v, want %v", is, c.board)
			}
			if is := errors.As(err, new(*dut.BootError)); is == c.board {
				t.Errorf("a boot's error: %v, want %v", is, !c.board)
			}
		})
	}
}

// The files are gone from the TFTP server's folder once the board is closed.
func TestClean(t *testing.T) {
	s, p := setup(t, &peer{}, "")
	for _, name := range []string{"lastpage-b-0123456789ab", "lastpage-b-b-0123456789ab"} { // of a trial that was killed; of another board
		if err := os.WriteFile(filepath.Join(s.Boot.(*sized).Folder, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, _, err := play(t, s, p, dut.Trigger{Name: "end", When: dut.AtQuiet, N: int64(50 * time.Millisecond), Do: dut.Stop})
	if err != nil {
		t.Fatal(err)
	}
	folder := s.Boot.(*sized).Folder
	if left, _ := os.ReadDir(folder); len(left) != 3 {
		t.Errorf("%d files while it is open, want its own two and the other board's", len(left))
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(folder); len(left) != 1 {
		t.Errorf("%d files left, want the other board's", len(left))
	}
}

// backlog is what the probe's records look like on the console.
func backlog(n int) string {
	var b strings.Builder
	for i := range n {
		r := plan.Record{RunID: "0123abcd", Kind: plan.KindBacklog, N: uint32(i), Len: 80}
		b.WriteString("[    1.00000" + string(rune('0'+i)) + "] " + string(r.Text()) + "\n")
	}
	return b.String()
}

// A trial: the provocation is told by the backlog's first line, the interruption is ours and late, what follows ends it.
func TestTrial(t *testing.T) {
	p := &peer{nmi: func(say func(string)) { say("[    2.0] Kernel panic - not syncing: NMI\n---[ end Kernel panic\n") }}
	s, load := setup(t, p, backlog(3))
	b, played, err := play(t, s, load,
		dut.Trigger{Name: "provoke", When: dut.AtEvent, Code: plan.BacklogStored, N: 1, Do: dut.Note},
		dut.Trigger{Name: "inject", When: dut.AtByte, N: 20, After: "provoke", Do: dut.NMI},
		dut.Trigger{Name: "end", When: dut.AtPattern, Text: dut.PanicEnds, After: "inject", Do: dut.Note},
		dut.Trigger{Name: "over", When: dut.AtQuiet, N: int64(100 * time.Millisecond), After: "end", Do: dut.Stop},
		dut.Trigger{Name: "never", When: dut.AtEvent, Code: plan.ProvokeDone, N: 1, Do: dut.Note})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		fired  bool
		source dut.Source
		late   bool
	}{{true, dut.OnWire, false}, {true, dut.Host, true}, {true, dut.OnWire, false}, {true, dut.Host, false}, {false, "", false}} {
		f := played.Fired[i]
		if f.Fired != want.fired || f.Source != want.source || (f.LateNS != nil) != want.late {
			t.Errorf("%s: %+v, want %+v", f.Name, f, want)
		}
	}
	if played.End.By != "trigger" || played.End.Firing != 3 || len(played.Audit.Void) > 0 {
		t.Errorf("end %+v, void %v", played.End, played.Audit.Void)
	}
	if provoke := played.Fired[0]; played.Fired[1].NS < provoke.NS || provoke.UncertaintyNS < 2000 {
		t.Errorf("the records' times differ by 2 us, and the uncertainty is %d ns", provoke.UncertaintyNS)
	}
	if said := b.Said(); len(said) != 1 || said[0].Event != plan.EventArmed {
		t.Errorf("said: %+v", said)
	}
	wire := string(b.Wire.Bytes(0, b.Wire.Len()))
	if !strings.Contains(wire, `setenv bootargs console=ttyS0,115200 a=\$b`) {
		t.Error("the command line's dollar was not kept from U-Boot's shell")
	}
}

// A guest that reports after it was armed that it cannot go on ends its trial at once, and the report is there for the judge.
func TestComplaint(t *testing.T) {
	s, p := setup(t, &peer{}, said(t, plan.Message{Event: plan.EventError, Text: "drain the console: no such device"}))
	b, played, err := play(t, s, p, dut.Trigger{Name: "too-long", When: dut.AtTime, N: int64(time.Hour), Do: dut.Stop})
	if err != nil {
		t.Fatal(err)
	}
	if played.End.By != guestError || played.End.Firing != -1 {
		t.Errorf("it ended by %q, firing %d", played.End.By, played.End.Firing)
	}
	told := b.Said()
	if len(told) != 2 || told[0].Event != plan.EventArmed || told[1].Event != plan.EventError || !strings.Contains(told[1].Text, "drain the console") {
		t.Errorf("the guest said %+v", told)
	}
}

// A board that speaks as its loader again has ended, and from there the wire is not the kernel's.
func TestReset(t *testing.T) {
	s, load := setup(t, &peer{}, backlog(3)+"[    2.0] last words\n\nU-Boot 2023.01\nmore\n")
	b, played, err := play(t, s, load, dut.Trigger{Name: "long", When: dut.AtTime, N: int64(time.Minute), Do: dut.Stop})
	if err != nil {
		t.Fatal(err)
	}
	if played.End.By != "guest-reset" || played.End.Wire == nil {
		t.Fatalf("end %+v", played.End)
	}
	if rest := string(b.Wire.Bytes(*played.End.Wire, b.Wire.Len())); !strings.HasPrefix(strings.TrimSpace(rest), "U-Boot 2023.01") {
		t.Errorf("the wire's end is before %q", rest)
	}
	if v := played.Audit.Void; len(v) != 1 || !strings.Contains(v[0], "came back to its loader") {
		t.Errorf("nobody wanted the reset, void %q", v)
	}
}

// A kernel that has said that it dies may reset the board, and a plan may want it: the trial counts.
func TestResetWanted(t *testing.T) {
	for name, c := range map[string]struct {
		last string
		plan func(*plan.Plan)
	}{
		"after a panic": {"[    2.0] Kernel panic - not syncing: x\n", func(*plan.Plan) {}},
		"by the plan":   {"", func(p *plan.Plan) { p.DieAt, p.DieHow = plan.StepEnd, plan.DeathReset }},
	} {
		s, load := setup(t, &peer{}, backlog(3)+c.last+"\nU-Boot 2023.01\nmore\n")
		c.plan(load.Plan)
		_, played, err := play(t, s, load, dut.Trigger{Name: "long", When: dut.AtTime, N: int64(time.Minute), Do: dut.Stop})
		if err != nil {
			t.Fatal(name, err)
		}
		if played.End.By != "guest-reset" || len(played.Audit.Void) > 0 {
			t.Errorf("%s: end %+v, void %q", name, played.End, played.Audit.Void)
		}
	}
}

func TestCan(t *testing.T) {
	for _, c := range []struct {
		name string
		s    Setup
		t    dut.Trigger
		want string
	}{
		{"a symbol", Setup{}, dut.Trigger{Name: "x", When: dut.AtSymbol, Do: dut.Note}, "which instruction"},
		{"no button", Setup{}, dut.Trigger{Name: "x", When: dut.AtByte, Do: dut.NMI}, "no nmi:"},
		{"no BREAK", Setup{}, dut.Trigger{Name: "x", When: dut.AtByte, Do: dut.Send, Break: true}, "carries no BREAK"},
		{"BREAK", Setup{Breaks: true}, dut.Trigger{Name: "x", When: dut.AtByte, Do: dut.Send, Break: true}, ""},
	} {
		err := c.s.Can([]dut.Trigger{c.t})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestPieces(t *testing.T) {
	text := "console=ttyS0,115200 " + strings.Repeat("word=value ", 60)
	got := pieces(text, maxWords)
	if strings.Join(got, " ") != strings.TrimSpace(text) {
		t.Error("pieces do not make the whole")
	}
	for _, p := range got {
		if len(p) > maxWords {
			t.Errorf("a piece of %d bytes", len(p))
		}
	}
}
