// SPDX-License-Identifier: Apache-2.0

package nightly

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/joshdk/go-junit"

	"lastpage/capture/wire"
	"lastpage/dut"
	"lastpage/dut/duttest"
	"lastpage/harness"
	"lastpage/harness/compare"
	"lastpage/harness/grade"
	"lastpage/kernels"
	"lastpage/lab"
)

// holds makes this test binary another night that has a board until its standard input ends.
const holds = "LASTPAGE_TEST_NIGHT"

func TestMain(m *testing.M) {
	board := os.Getenv(holds)
	if board == "" {
		os.Exit(m.Run())
	}
	l, err := lab.Take(context.Background(), board, lab.Wanted{Owner: "bob", Purpose: "nightly"})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("has it")
	_, _ = os.Stdin.Read(make([]byte, 1))
	if err := l.Release(); err != nil {
		fmt.Println(err)
	}
}

// other starts another night; let ends it.
func other(t *testing.T, board string) (let func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), holds+"="+board)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	let = func() {
		in.Close()
		_ = cmd.Wait()
	}
	t.Cleanup(let)
	if said, _ := bufio.NewReader(out).ReadString('\n'); said != "has it\n" {
		t.Fatalf("the other night says %q", said)
	}
	return let
}

// boards are two of a bench that is not there. Both are marked broken, so that a night that has one goes no further.
func boards(t *testing.T) []*lab.Board {
	t.Helper()
	t.Setenv("LASTPAGE_CACHE", t.TempDir())
	var text strings.Builder
	text.WriteString("boards:\n")
	for _, name := range []string{"one", "two"} {
		fmt.Fprintf(&text, "  - {name: %s, kind: bench, console: 'tcp:127.0.0.1:1', power: {command: {on: 'true', off: 'true'}}, boot: {command: {run: 'true'}}}\n", name)
		for range 2 {
			if err := lab.Failed(name, errors.New("power on: it smokes")); err != nil {
				t.Fatal(err)
			}
		}
	}
	inv, err := lab.ParseInventory([]byte(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	return inv.Boards
}

func order(t *testing.T, scenarios ...string) Order {
	t.Helper()
	cat, err := kernels.LoadCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	o := Order{Catalogue: cat, Strategies: []string{"legacy"}, Baud: 115200, Dir: t.TempDir()}
	o.Matrix.Shape, o.Matrix.Trials = &harness.Shape{Backlog: 5, RecordLen: 60}, 1
	for _, name := range scenarios {
		sc, err := harness.FindScenario(name)
		if err != nil {
			t.Fatal(err)
		}
		o.Matrix.Scenarios = append(o.Matrix.Scenarios, sc)
	}
	return o
}

// A board that another night has, and one that is broken: each is named with the reason, neither stops the other, and every report says so.
func TestBoardsThatCannotBeHad(t *testing.T) {
	o := order(t, "panic")
	o.Boards = boards(t)
	other(t, "one")
	n, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{`board one is leased by bob for "nightly"`, "power on: it smokes"} {
		if b := n.Boards[i]; !strings.Contains(b.Fault, want) {
			t.Errorf("%s: %q, want %q", b.Name, b.Fault, want)
		}
	}
	if out, why := n.Outcome(); out != LabFailed || !strings.Contains(why, "board one: ") {
		t.Errorf("outcome %d, %s", out, why)
	}
	if err := n.Write(o.Dir, "lastpage nightly"); err != nil {
		t.Fatal(err)
	}
	suites, err := junit.IngestFile(filepath.Join(o.Dir, "junit.xml"))
	if err != nil || len(suites) != 2 || suites[0].Totals.Error != 1 || !strings.Contains(suites[1].Tests[0].Message, "it smokes") {
		t.Errorf("junit: %v, %+v", err, suites)
	}
	for file, want := range map[string]string{"results.ktap": "not ok 1 tried to the end # ERROR board one is leased", "nightly.txt": "two was not tried to the end"} {
		if text, err := os.ReadFile(filepath.Join(o.Dir, file)); err != nil || !bytes.Contains(text, []byte(want)) {
			t.Errorf("%s: %v, no %q in\n%s", file, err, want, text)
		}
	}
	for _, file := range []string{"kcidb.json", Name} {
		text, err := os.ReadFile(filepath.Join(o.Dir, file))
		if err != nil || !json.Valid(text) {
			t.Errorf("%s: %v\n%s", file, err, text)
		}
	}
	if l, err := lab.Leased("two"); err != nil || l != nil {
		t.Errorf("two is still leased: %+v, %v", l, err)
	}
}

// The second of two nights waits for the first, and says for whom.
func TestSecondNightWaits(t *testing.T) {
	o := order(t, "panic")
	o.Boards, o.Wait = boards(t)[:1], time.Hour
	let := other(t, "one")
	waited := make(chan string, 1)
	o.Tell = func(_, what string, _, _ int) {
		if strings.HasPrefix(what, "waiting") {
			waited <- what
			let()
		}
	}
	n, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if said := <-waited; !strings.Contains(said, `leased by bob for "nightly"`) {
		t.Errorf("it says %q", said)
	}
	if !strings.Contains(n.Boards[0].Fault, "it smokes") {
		t.Errorf("it did not get the board: %s", n.Boards[0].Fault)
	}
}

// An interrupted night leaves no lease, and says so in its file.
func TestInterruptedWhileWaiting(t *testing.T) {
	o := order(t, "panic")
	o.Boards, o.Wait = boards(t), time.Hour
	let := other(t, "one")
	ctx, cancel := context.WithCancel(t.Context())
	o.Tell = func(string, string, int, int) { cancel() }
	n, err := Run(ctx, o)
	if !errors.Is(err, context.Canceled) || n.Status != harness.Unfinished {
		t.Fatalf("%v, %+v", err, n)
	}
	let()
	for _, b := range o.Boards {
		if l, err := lab.Leased(b.Name); err != nil || l != nil {
			t.Errorf("%s is still leased: %+v, %v", b.Name, l, err)
		}
	}
}

// failing is a bench on which the lab fails some trials; the others follow a script.
type failing struct {
	fails  int
	opened int
}

func (b *failing) Can(*harness.Order) error { return nil }
func (b *failing) Rest()                    {}
func (b *failing) Open(ctx context.Context, o *harness.Order) (*dut.Board, error) {
	if b.opened++; b.opened <= b.fails {
		return nil, &dut.BoardError{Board: "one", Err: fmt.Errorf("power on: failure %d", b.opened)}
	}
	return duttest.Kernel(o.Plan, true).Open(ctx)
}

// What the lab fails is counted with its reason and tried again, but not for ever.
func TestLabFails(t *testing.T) {
	for _, c := range []struct {
		fails, failed, graded int
		gone                  bool
	}{{0, 0, 3, false}, {2, 2, 3, false}, {100, inRow, 0, true}} {
		t.Setenv("LASTPAGE_CACHE", t.TempDir())
		o := order(t, "warn", "nmi-panic") // and the reference of the second
		in, err := harness.ParseInject("byte:50")
		if err != nil {
			t.Fatal(err)
		}
		o.Matrix.Injects = []harness.Inject{in}
		w := &work{Order: o}
		r := &Board{Name: "one", Dir: filepath.Join(o.Dir, "one")}
		s := &harness.Subject{Strategy: "legacy", Board: "one", Mode: "bench", CPUs: 2, Cmdline: "console=ttyS0", Frame: wire.Frame{Baud: 115200, Bits: 10},
			Bench: &failing{fails: c.fails}}
		err = w.matrix(t.Context(), &lab.Board{Name: "one"}, r, []*harness.Subject{s})
		if errors.Is(err, errGone) != c.gone || !c.gone && err != nil {
			t.Errorf("%d failures: %v", c.fails, err)
		}
		if len(r.Failed) != c.failed || r.Graded != c.graded || r.Void != 0 {
			t.Errorf("%d failures: %d failed (%q), %d graded, %d void", c.fails, len(r.Failed), r.Failed, r.Graded, r.Void)
		}
		if c.failed > 0 && !strings.Contains(r.Failed[0], "power on: failure 1") {
			t.Errorf("the first cause is %q", r.Failed[0])
		}
		r.Fault = fmt.Sprint(err)
		var text strings.Builder
		if err := (&Night{Boards: []*Board{r}}).Text(&text); err != nil {
			t.Fatal(err)
		}
		if told := strings.Contains(text.String(), "counted is what belongs to the 0 of 2 cells that were finished"); told != c.gone {
			t.Errorf("%d failures: it says\n%s", c.fails, &text)
		}
	}
}

// Whose fault it was decides the outcome; what cannot be played is nobody's.
func TestOutcome(t *testing.T) {
	cell := func(fault compare.Fault, letter string) *Board {
		c := &compare.Cell{Strategy: "s", Scenario: "x", Fault: fault, Why: "so it was"}
		if fault == "" {
			c.Trials = []*compare.CellTrial{{Grade: &grade.Grade{Letter: letter}}}
		}
		return &Board{Name: "b", matrix: &compare.Matrix{Cells: []*compare.Cell{c}}}
	}
	for _, c := range []struct {
		require string
		boards  []*Board
		want    Outcome
	}{
		{"", []*Board{cell("", "F")}, Passed},
		{"B", []*Board{cell("", "A")}, Passed},
		{"B", []*Board{cell("", "C")}, KernelFailed},
		{"B", []*Board{cell("", "")}, Unsure},
		{"", []*Board{cell(compare.Cannot, "")}, Passed},
		{"", []*Board{cell(compare.NoReference, "")}, Unsure},
		{"", []*Board{cell(compare.NeverArmed, "")}, Unsure},
		{"", []*Board{cell(compare.NoReference, ""), {Fault: "no power"}}, LabFailed},
		{"", []*Board{{Fault: "no power"}, cell(compare.KernelsFault, "")}, KernelFailed},
	} {
		n := &Night{Require: c.require, Boards: c.boards}
		if got, why := n.Outcome(); got != c.want || (why == "") != (c.want == Passed) {
			t.Errorf("%+v: outcome %d (%s), want %d", c, got, why, c.want)
		}
	}
}
