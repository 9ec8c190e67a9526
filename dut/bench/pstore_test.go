// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lastpage/capture/ring"
	"lastpage/dut"
	"lastpage/kernels/plan"
)

// reset is the button of a script's machine: its loader speaks again.
type reset struct{ p *peer }

// Press implements power.Button.
func (r reset) Press(context.Context) error {
	r.p.mu.Lock()
	defer r.p.mu.Unlock()
	r.p.say("\nU-Boot 2023.01\n\nHit any key\n")
	return nil
}

// said is what a guest reports, as it is on a console.
func said(t *testing.T, all ...plan.Message) string {
	t.Helper()
	var b strings.Builder
	for _, m := range all {
		data, err := m.Report()
		if err != nil {
			t.Fatal(err)
		}
		b.Write(data)
	}
	return b.String()
}

const record = "Panic#1 Part1\n<6>[    1.000000] the first words\n<6>[    1.500000] some more\n<0>[    2.000000] Kernel panic - not syncing: x\n"

// The next kernel reports what the dying one has kept, on the console of a trial whose capture has ended.
func TestPstore(t *testing.T) {
	piece := func(at int, text string) plan.Message {
		return plan.Message{Event: plan.EventKept, Text: "dmesg-ramoops-0", At: int64(at), Data: []byte(text)}
	}
	done := plan.Message{Event: plan.EventDone}
	for _, c := range []struct {
		name   string
		dies   string
		report []plan.Message
		want   string // of the error; "": none
	}{
		{"whole", "[    2.0] Kernel panic - not syncing: x\n", []plan.Message{piece(0, record[:40]), piece(40, record[40:]), piece(len(record), ""), done}, ""},
		{"a piece is missing", "[    2.0] Kernel panic - not syncing: x\n", []plan.Message{piece(0, record[:40]), piece(60, record[60:]), piece(len(record), ""), done}, "a piece at 40 is missing"},
		{"nothing was kept", "[    2.0] Kernel panic - not syncing: x\n", []plan.Message{{Event: plan.EventError, Text: "nothing was kept: x"}}, "nothing was kept"},
		{"nothing but an end", "[    2.0] Kernel panic - not syncing: x\n", []plan.Message{done}, "nothing before it"},
		{"no report", "[    2.0] Kernel panic - not syncing: x\n", nil, "no report of what was kept within"},
		{"it lives", "", nil, errKeptNothing.Error()},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := &peer{}
			kernels := []string{"[    0.0] Linux version 6.12\n" + report(t) + backlog(3) + c.dies, "[    0.0] Linux version 6.12\n" + said(t, c.report...)}
			p.kernel = func(say func(string)) {
				say(kernels[0])
				kernels = kernels[1:]
			}
			s, load := setup(t, p, "")
			s.Console = p.reopened
			d := &Pstore{At: 0x30000000, Record: 4096, Within: 300 * time.Millisecond, Initrd: []byte("another")}
			if err := d.Check(); err != nil {
				t.Fatal(err)
			}
			s.Dump, s.Reset = d, reset{p}
			p.sizes = nil
			b, _, err := play(t, s, load, dut.Trigger{Name: "end", When: dut.AtQuiet, N: int64(50 * time.Millisecond), Do: dut.Stop})
			if err != nil {
				t.Fatal(err)
			}
			b.Audit() // ends the capture, as it is after a trial
			before := b.Wire.Len()
			p.sizes = nil
			dir := t.TempDir()
			err = b.Dump(t.Context(), dir)
			if b.Wire.Len() != before {
				t.Error("what follows the reset is on the trial's wire")
			}
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("error %v, want %q", err, c.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			log, err := ring.Load(t.Context(), filepath.Join(dir, dut.DumpText), ring.LoadOptions{})
			if err != nil || len(log.Records) != 3 || log.Witness.Kind != "pstore" || string(log.Records[2].Text) != "Kernel panic - not syncing: x" {
				t.Errorf("%v, %+v", err, log)
			}
		})
	}
}

func TestPstoreRefused(t *testing.T) {
	for _, c := range []struct {
		p    Pstore
		want string
	}{
		{Pstore{}, "want at:"},
		{Pstore{At: 0x1001}, "want at:"},
		{Pstore{At: 0x30000000, Size: 3 << 20}, "powers of two"},
		{Pstore{At: 0x30000000, Size: 1 << 16, Record: 1 << 20}, "room for a record"},
		{Pstore{At: 0x30000000, Within: -1}, "above 0"},
	} {
		if err := c.p.Check(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.p, err, c.want)
		}
	}
}
