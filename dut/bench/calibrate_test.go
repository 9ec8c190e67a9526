// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"lastpage/capture/pattern"
	"lastpage/kernels/plan"
)

var stressed = Stress{FromBoard: pattern.Stream{ID: 1, Form: pattern.Text}, ToBoard: pattern.Stream{ID: 2, Form: pattern.Text}, Time: 200 * time.Millisecond}

// calibrating makes p a board whose stressor sends, hears and tells. line is what its line does to what it sends; ran is what it says at its
// end in place of its account, "": the account.
func calibrating(p *peer, line func([]byte) []byte, ran string) {
	const frames = 100
	tell := func(m *plan.Message) {
		data, err := m.Report()
		if err != nil {
			panic(err)
		}
		p.say(string(data))
	}
	reader := stressed.ToBoard.Reader()
	armed := p.kernel
	p.kernel = func(say func(string)) {
		armed(say)
		if ran != "" {
			tell(&plan.Message{Event: plan.EventRan, Text: "exit status 1", Line: ran})
			return
		}
		p.raw(line(stressed.FromBoard.Writer(frames).Next(nil, frames)))
		p.hear = func(b []byte) {
			if reader.Done() {
				return
			}
			if reader.Feed(b); !reader.Done() {
				return
			}
			res := reader.Finish()
			none := int64(0)
			line, err := json.Marshal(&pattern.Account{Sent: frames * pattern.FrameBytes, Heard: &res, Overruns: &none})
			if err != nil {
				panic(err)
			}
			tell(&plan.Message{Event: plan.EventRan, Text: "exit status 0", Line: string(line)})
		}
	}
}

// checked are the findings of a check, by what they are of.
func checked(t *testing.T, p *peer, line func([]byte) []byte, ran string) (*Calibration, map[string]Finding) {
	t.Helper()
	s, load := setup(t, p, "")
	calibrating(p, line, ran)
	found := map[string]Finding{}
	cal, err := Check(t.Context(), s, load, stressed, func(f Finding) { found[f.What] = f })
	if err != nil {
		t.Fatal(err)
	}
	return cal, found
}

// A line that carries what is sent is found to, in both directions.
func TestCalibrate(t *testing.T) {
	t.Parallel()
	cal, found := checked(t, &peer{}, func(b []byte) []byte { return b }, "")
	if cal == nil || len(cal.Faults) > 0 || cal.FromBoard.Heard.Matched != 6400 || *cal.FromBoard.Sent != 6400 {
		t.Fatalf("%+v, found %+v", cal, found)
	}
	if cal.ToBoard == nil || !cal.ToBoard.Heard.Clean() || cal.ToBoard.Heard.Matched != *cal.ToBoard.Sent || *cal.Overruns != 0 || cal.Framing != nil {
		t.Errorf("to the board: %+v", cal)
	}
	if !found["line, from board"].OK || !found["line, to board"].OK {
		t.Errorf("found %+v", found)
	}
}

// One byte that is lost is a fault, wherever it was: at the very end too, of which the board itself tells.
func TestCalibrateLoses(t *testing.T) {
	for _, at := range []int{0, 3000, 6399} {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			cal, found := checked(t, &peer{}, func(b []byte) []byte { return append(b[:at:at], b[at+1:]...) }, "")
			if cal == nil || len(cal.Faults) != 1 || cal.FromBoard.Heard.Lost != 1 || cal.FromBoard.Heard.Total != 1 {
				t.Fatalf("%+v, found %+v", cal, found)
			}
			f := found["line, from board"]
			if f.OK || !strings.Contains(f.Says, "1 were lost") || !strings.Contains(f.Cure, "nothing is graded") {
				t.Errorf("found %+v", f)
			}
		})
	}
}

// A board whose program fails has no calibration, and its own words are told.
func TestCalibrateFails(t *testing.T) {
	t.Parallel()
	cal, found := checked(t, &peer{}, nil, "open /dev/ttyS0: no such device\n")
	if f := found["line"]; cal != nil || f.OK || !strings.Contains(f.Says, "open /dev/ttyS0: no such device") {
		t.Errorf("%+v, found %+v", cal, found)
	}
}
