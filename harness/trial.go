package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"lastpage/capture/wire"
	"lastpage/dut"
	"lastpage/harness/grade"
	"lastpage/kernels/plan"
)

// TrialSchema names the form of trial.json. Fields may be added under the same number; a change of meaning takes a new one.
const TrialSchema = "lastpage.trial/1"

// Status of a trial's folder.
const (
	Unfinished = "unfinished" // the harness is at work on it, or died at it
	Finished   = "finished"
)

// Asked is what a trial was asked to do. It decides everything that the harness decides.
type Asked struct {
	Board     string        `json:"board"`
	Strategy  string        `json:"strategy"`
	Kernel    string        `json:"kernel"`
	Scenario  string        `json:"scenario"`
	Cmdline   string        `json:"cmdline"` // whole
	Frame     wire.Frame    `json:"frame"`
	Plan      *plan.Plan    `json:"plan"`
	Inject    *Inject       `json:"inject"`
	Triggers  []dut.Trigger `json:"triggers"`
	PhaseUS   uint32        `json:"phase_us"`            // added to the plan's delay by the board's knob
	Reference string        `json:"reference,omitempty"` // folder of the trial that says what was expected
	// Expected is that trial's sections, copied so that this folder can be graded alone; null if there is none.
	Expected map[string]grade.Count `json:"expected"`
}

// Trial is trial.json.
type Trial struct {
	Schema   string            `json:"schema"`
	Status   string            `json:"status"`
	Asked    Asked             `json:"asked"`
	Started  time.Time         `json:"started"`  // host's clock
	Finished *time.Time        `json:"finished"` // host's clock
	Clock    wire.Clock        `json:"clock"`    // of every ns in this file and in wire.idx
	Facts    map[string]string `json:"facts"`    // versions of everything that could change a result
	Armed    *plan.Message     `json:"armed"`    // what the guest read back before it began; null: it never did
	Said     []plan.Message    `json:"said,omitempty"`
	Events   []dut.Event       `json:"events"`
	Fired    []dut.Firing      `json:"fired"`
	End      *dut.End          `json:"end"`
	RingWhy  string            `json:"ring_why,omitempty"` // why there is no ring.elf
	Audit    dut.Audit         `json:"audit"`
	Void     []string          `json:"void"` // why this trial must not be graded; the audit's and the harness's own
	Grade    *grade.Grade      `json:"grade"`

	dir string
}

// Dir is the trial's folder.
func (t *Trial) Dir() string { return t.dir }

// IsVoid says whether the trial must not count.
func (t *Trial) IsVoid() bool { return len(t.Void) > 0 || t.Grade == nil || len(t.Grade.Void) > 0 }

// Reasons are all reasons for which the trial is void.
func (t *Trial) Reasons() []string {
	if t.Grade != nil {
		return t.Grade.Void
	}
	return t.Void
}

// mode is how the wire was made, as the board said; or, if it did not say, otherwise.
func (t *Trial) mode(otherwise string) string {
	if m := t.Facts["mode"]; m != "" {
		return m
	}
	return otherwise
}

// fired returns the firing of a named trigger; ok is false if it has not fired.
func (t *Trial) fired(name string) (dut.Firing, bool) {
	for _, f := range t.Fired {
		if f.Name == name && f.Fired {
			return f, true
		}
	}
	return dut.Firing{}, false
}

// conduct runs one trial on an opened board and leaves its folder complete, void, or marked unfinished. An error means that the lab
// failed, never the kernel; the folder then holds whatever was captured.
func conduct(ctx context.Context, dir string, asked Asked, b *dut.Board) (*Trial, error) {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return nil, fmt.Errorf("trial %s: %w", dir, err)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, fmt.Errorf("trial: %w (a trial never writes over another)", err)
	}
	t := &Trial{Schema: TrialSchema, Status: Unfinished, Asked: asked, Started: time.Now().UTC(), Clock: b.Wire.Clock(), Facts: b.Facts,
		Void: []string{}, dir: dir}
	if err := t.save(); err != nil {
		return nil, err
	}
	w, err := wire.Create(dir, b.Wire.Clock(), asked.Frame)
	if err != nil {
		return nil, fmt.Errorf("trial %s: %w", dir, err)
	}
	taped := make(chan error, 1)
	go func() { taped <- tap(ctx, b.Wire, w) }()
	said := make(chan []plan.Message, 1)
	go func() { said <- listen(b.Control) }()

	runErr := t.play(ctx, b)
	// The board's memory is read before anything is taken down; the wire ends when the machine does.
	collectErr := t.collect(ctx, b)
	closeErr := b.Close()
	tapErr := <-taped
	t.hear(<-said)
	if err := errors.Join(runErr, collectErr, closeErr, tapErr); err != nil {
		return t, fmt.Errorf("trial %s: %w", dir, err)
	}
	t.judge()
	now := time.Now().UTC()
	t.Status, t.Finished = Finished, &now
	// Saved before it is graded: grading reads the folder, and a trial that cannot be graded is still whole evidence.
	if err := t.save(); err != nil {
		return t, err
	}
	if err := t.regrade(ctx); err != nil {
		return t, err
	}
	return t, t.save()
}

// play arms the board and lets it run to its end.
func (t *Trial) play(ctx context.Context, b *dut.Board) error {
	if err := b.Machine.Arm(t.Asked.Triggers); err != nil {
		return err
	}
	switch {
	case b.Knob != nil:
		b.Knob(t.Asked.PhaseUS)
	case t.Asked.PhaseUS > 0:
		return fmt.Errorf("board %s has no knob: its trials cannot differ in phase", b.Name)
	}
	end, err := b.Machine.Run(ctx)
	if err != nil {
		return err
	}
	t.End, t.Fired = &end, b.Machine.Fired()
	if b.Events != nil {
		t.Events = b.Events()
	}
	t.Audit = b.Audit()
	return nil
}

// listen keeps what the guest says on the control channel, /dev/kmsg included, until the channel is closed.
func listen(c <-chan plan.Message) []plan.Message {
	var all []plan.Message
	for m := range c {
		all = append(all, m)
	}
	return all
}

func (t *Trial) hear(said []plan.Message) {
	for _, m := range said {
		if m.Event == plan.EventArmed && t.Armed == nil {
			armed := m
			t.Armed = &armed
			continue
		}
		t.Said = append(t.Said, m)
	}
}

// judge finds the reasons for which the trial says nothing about the kernel. Every doubt goes against the harness.
func (t *Trial) judge() {
	t.Void = append(t.Void, t.Audit.Void...)
	for _, m := range t.Said {
		if m.Event == plan.EventError {
			t.Void = append(t.Void, "the guest could not do what was asked: "+m.Text)
		}
	}
	if t.Armed == nil && t.Asked.Plan != nil {
		t.Void = append(t.Void, "the guest never reported that it was armed")
	} else if t.Armed != nil && t.Armed.ConsoleLoglevel != t.Asked.Plan.ConsoleLoglevel {
		t.Void = append(t.Void, fmt.Sprintf("console_loglevel read back as %d, %d was asked", t.Armed.ConsoleLoglevel, t.Asked.Plan.ConsoleLoglevel))
	}
	if _, ok := t.fired(trigProvoke); !ok {
		t.Void = append(t.Void, "the provocation never happened")
	}
	if _, ok := t.fired(trigInject); !ok && t.Asked.Inject != nil {
		t.Void = append(t.Void, fmt.Sprintf("the interruption (%s) never happened: the trial was over before", t.Asked.Inject))
	}
	if t.Asked.Plan != nil && t.Asked.Plan.Nested == plan.NestedPanicOther && !t.ordered(plan.PanicCall, plan.Mark) {
		t.Void = append(t.Void, "the second panic did not come after the first")
	}
	for _, f := range t.Fired {
		if f.Name == trigDoor && !f.Fired {
			t.Void = append(t.Void, "the kernel never came to the function before which the power was to go")
		}
	}
	if _, ok := t.fired(trigTooLong); ok {
		t.Void = append(t.Void, "the trial did not end in the time it was given")
	}
}

// ordered says whether the first event of one code is there and before the first of the other.
func (t *Trial) ordered(a, b plan.Code) bool {
	at := func(c plan.Code) int {
		return slices.IndexFunc(t.Events, func(e dut.Event) bool { return e.Code == c })
	}
	return at(a) >= 0 && at(b) > at(a)
}
