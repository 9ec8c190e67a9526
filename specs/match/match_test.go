// SPDX-License-Identifier: Apache-2.0

package match

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onsi/gomega/types"

	"lastpage/capture/wire"
	"lastpage/harness"
	"lastpage/harness/grade"
	"lastpage/harness/grade/replay"
)

// Every matcher must be able to fail: a recorded trial that is well, and one that is not.
func TestAboutRecordedTrials(t *testing.T) {
	grades := map[string]*grade.Grade{}
	cases, err := replay.Cases()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		grades[c.Name] = grade.Make(c.Input)
	}
	for _, c := range []struct {
		name    string
		matcher types.GomegaMatcher
		yes, no string // recorded trials
		says    string
	}{
		{"NotBeVoid", NotBeVoid(), "clean", "overrun", "may have lost bytes"},
		{"BeWholeOnTheWire", BeWholeOnTheWire(grade.Backlog, grade.Warn), "clean", "garbled", "garbled"},
		{"BeWholeOnTheWire, torn", BeWholeOnTheWire(grade.Backlog), "clean", "torn-tail", "torn"},
		{"BeWholeOnTheWire, nothing there", BeWholeOnTheWire(grade.Panic), "warn-never-stored", "clean", "expected to hold nothing"},
		{"BeOnTheWireAsFarAsStored", BeOnTheWireAsFarAsStored(grade.Warn), "warn-never-stored", "garbled", "garbled"},
		{"HaveStoredAll", HaveStoredAll(grade.Warn), "clean", "warn-never-stored", "never stored"},
		{"HaveNeverStored", HaveNeverStored(grade.Warn), "warn-never-stored", "clean", "all 31 records of warn were stored"},
		{"HaveLost", HaveLost(grade.Warn, 0), "clean", "warn-never-stored", "it has lost 30"},
		{"HaveNo", HaveNo(grade.Panic), "clean", "warn-never-stored", "records are stored"},
		{"KnowWhatToExpect", KnowWhatToExpect(grade.Panic), "warn-never-stored", "clean", "nothing is expected of panic"},
		{"HaveEveryByteExplained", HaveEveryByteExplained(), "clean", "garbled", "unexplained"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if ok, err := c.matcher.Match(grades[c.yes]); err != nil || !ok {
				t.Errorf("%s: %v %v\n%s", c.yes, ok, err, c.matcher.FailureMessage(grades[c.yes]))
			}
			ok, err := c.matcher.Match(grades[c.no])
			if ok {
				t.Errorf("%s: matches\n%s", c.no, c.matcher.NegatedFailureMessage(grades[c.no]))
			}
			if said := c.matcher.FailureMessage(grades[c.no]); err == nil && !strings.Contains(said, c.says) {
				t.Errorf("%s: it does not say %q:\n%s", c.no, c.says, said)
			}
			if err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v", c.no, err)
			}
		})
	}
}

// What cannot be told is an error, neither yes nor no.
func TestCannotTell(t *testing.T) {
	unread := grade.Make(grade.Input{Wire: closed()})
	for name, m := range map[string]types.GomegaMatcher{
		"BeWholeOnTheWire": BeWholeOnTheWire(grade.Warn), "HaveNeverStored": HaveNeverStored(grade.Warn), "HaveLost": HaveLost(grade.Warn, 0),
		"HaveNo": HaveNo(grade.Warn), "HaveStoredAll": HaveStoredAll(grade.Warn), "HaveLostNoByte": HaveLostNoByte(), "KeepItsRate": KeepItsRate(11520, 1, grade.Boot), "RunAt": RunAt(11520, 1),
	} {
		if _, err := m.Match(unread); err == nil {
			t.Errorf("%s: no error about a grade without a ringbuffer and a trial", name)
		}
	}
	for _, wrong := range []any{nil, 7, (*harness.Trial)(nil), (*grade.Grade)(nil), &harness.Trial{}} {
		if _, err := NotBeVoid().Match(wrong); err == nil {
			t.Errorf("%T: no error", wrong)
		}
	}
}

func closed() *wire.Log {
	l := wire.NewLog(wire.NoClock, wire.Frame{})
	l.Close(nil)
	return l
}

// folder makes a trial whose bytes follow each other after step ns.
func folder(t *testing.T, step int64, text string) *harness.Trial {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "trial")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, harness.TrialName), []byte(`{"schema": "lastpage.trial/1", "status": "finished",
		"asked": {"plan": {"schema": 1, "run_id": "00000000"}},
		"audit": {"figures": {"uart_overruns": 0, "uart_flushed": 0, "uart_changed": 0, "ring_lost": 0}, "sent": 200,
			"losses": ["uart_overruns", "uart_flushed", "uart_changed", "ring_lost"]}}`), 0o644); err != nil {
		t.Fatal(err)
	}
	w, err := wire.Create(dir, wire.Virtual, wire.Frame{Baud: 115200, Bits: 10})
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(text) {
		if err := w.Append([]byte(text[i:i+1]), int64(i+1)*step); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	trial, err := harness.Regrade(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return trial
}

func TestAboutWires(t *testing.T) {
	const frame = 86806 // ns at 115200 baud
	text := strings.Repeat("[    0.000000] a line of kernel text\r\n", 6)[:200]
	good, slow, other := folder(t, frame, text), folder(t, frame+100, text), folder(t, frame, text[:199]+"x")
	short := folder(t, frame, text[:198])
	for _, c := range []struct {
		name    string
		matcher types.GomegaMatcher
		trial   *harness.Trial
		want    bool
	}{
		{"the rate is right", RunAt(11520, 0.001), good, true},
		{"0.12 % slow", RunAt(11520, 0.001), slow, false},
		{"fast is wrong too", RunAt(11500, 0.001), good, false},
		{"the same", HaveTheWireOf(good), good, true},
		{"another byte", HaveTheWireOf(good), other, false},
		{"other times", HaveTheWireOf(good), slow, false},
		{"shorter", HaveTheWireOf(good), short, false},
		{"all captured", HaveLostNoByte(), good, true},
		{"two bytes not captured", HaveLostNoByte(), short, false},
	} {
		if got, err := c.matcher.Match(c.trial); err != nil || got != c.want {
			t.Errorf("%s: %v, %v; want %v\n%s", c.name, got, err, c.want, c.matcher.FailureMessage(c.trial))
		}
	}
	good.Audit.Figures["uart_overruns"] = 3
	if ok, err := HaveLostNoByte().Match(good); ok || err != nil {
		t.Errorf("3 overruns: %v, %v", ok, err)
	}
	delete(good.Audit.Figures, "ring_lost")
	if _, err := HaveLostNoByte().Match(good); err == nil {
		t.Error("a figure that is not there counts as 0")
	}
}
