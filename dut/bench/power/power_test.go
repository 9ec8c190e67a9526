// SPDX-License-Identifier: Apache-2.0

package power

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// limit is for what is done at once, and what never is.
const limit = 2 * time.Second

// made is the switch of a configuration.
func made(t *testing.T, c Config) Switch {
	t.Helper()
	s, err := c.New()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestCommand(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state")
	to := func(word string) string { return fmt.Sprintf("echo Power is %s > %s", word, file) }
	state := "cat " + file
	for _, c := range []struct {
		name     string
		c        Command
		verified bool
		want     string // in the error
	}{
		{"it does", Command{to("On"), to("off"), state}, true, ""},
		{"late", Command{"(sleep 0.5; " + to("on") + ") >/dev/null 2>&1 &", to("off"), state}, true, ""},
		{"cannot tell", Command{to("on"), to("off"), ""}, false, ""},
		{"another outlet", Command{"true", to("off"), state}, false, `it still says "off": look whether it is the right outlet`},
		{"fails", Command{"echo no route to pdu >&2; exit 3", to("off"), state}, false, "exit status 3: no route to pdu"},
		{"says nothing", Command{"exit 3", to("off"), state}, false, "it said nothing"},
		{"state is nonsense", Command{to("42"), to("off"), state}, false, `"Power is 42", which does not end in on or off`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := made(t, Config{Command: &c.c})
			if _, err := Turn(t.Context(), s, Off, limit); err != nil {
				t.Fatal(err)
			}
			verified, err := Turn(t.Context(), s, On, limit)
			check(t, verified, c.verified, err, c.want)
		})
	}
}

func check(t *testing.T, verified, want bool, err error, words string) {
	t.Helper()
	if verified != want {
		t.Errorf("verified %v, want %v", verified, want)
	}
	if words == "" && err != nil || words != "" && (err == nil || !strings.Contains(err.Error(), words)) {
		t.Errorf("error %v, want %q", err, words)
	}
}

// A plug with Tasmota, as it answers.
func TestHTTP(t *testing.T) {
	on := false
	plug := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("cmnd") {
		case "Power On":
			on = true
		case "Power Off":
			on = false
		case "Power":
		default:
			fmt.Fprint(w, `{"Command":"Unknown"}`)
			return
		}
		fmt.Fprintf(w, `{"POWER":"%s"}`, map[bool]string{true: "ON", false: "OFF"}[on])
	}))
	defer plug.Close()
	s := HTTP{OnURL: plug.URL + "/cm?cmnd=Power%20On", OffURL: plug.URL + "/cm?cmnd=Power%20Off", StateURL: plug.URL + "/cm?cmnd=Power"}
	for _, want := range []State{On, Off, On} {
		verified, err := Turn(t.Context(), made(t, Config{HTTP: &s}), want, limit)
		check(t, verified, true, err, "")
		if on != (want == On) {
			t.Errorf("the plug is on: %v, want %s", on, want)
		}
	}
	s.StateURL = plug.URL + "/cm?cmnd=Volume"
	_, err := Turn(t.Context(), made(t, Config{HTTP: &s}), Off, limit)
	check(t, false, false, err, "which is neither is-on nor is-off")
}

func TestPDUDaemon(t *testing.T) {
	var asked []string
	status := http.StatusOK
	daemon := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.String())
		w.WriteHeader(status)
		fmt.Fprint(w, "OK - accepted request")
	}))
	defer daemon.Close()
	s := made(t, Config{PDUDaemon: &PDUDaemon{URL: daemon.URL + "/", Hostname: "rack", Port: "4"}})
	verified, err := Turn(t.Context(), s, On, limit)
	check(t, verified, false, err, "")
	if len(asked) != 1 || asked[0] != "/power/control/on?hostname=rack&port=4" {
		t.Errorf("asked %q", asked)
	}
	status = http.StatusBadRequest
	_, err = Turn(t.Context(), s, Off, limit)
	check(t, false, false, err, "it answered 400 Bad Request")
}

// A switch that cannot tell its state is checked as often as it is used.
func TestHTTPWithoutState(t *testing.T) {
	asked := ""
	plug := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked = r.URL.Path }))
	defer plug.Close()
	c := Config{HTTP: &HTTP{OnURL: plug.URL + "/on", OffURL: plug.URL + "/off"}}
	made(t, c)
	verified, err := Turn(t.Context(), made(t, c), On, limit)
	check(t, verified, false, err, "")
	if asked != "/on" {
		t.Errorf("asked %q", asked)
	}
}

// Nobody at the other end is an error that says who was asked.
func TestNobody(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	for name, c := range map[string]Config{
		"service runs":    {HTTP: &HTTP{OnURL: gone.URL, OffURL: gone.URL}},
		"127.0.0.1:1":     {IPMI: &IPMI{Host: "127.0.0.1", Port: 1, User: "u", Password: "p"}},
		"snmp 127.0.0.1:": {SNMP: &SNMP{Host: "127.0.0.1", Port: 1, Community: "c", OID: ".1.3", OnValue: 1, OffValue: 2}},
	} {
		err := made(t, c).On(ctx)
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if err := (Line("exit 1")).Press(ctx); err == nil {
		t.Error("a button that fails was pressed")
	}
	if _, err := (&PDUDaemon{}).State(ctx); !errors.Is(err, ErrNoState) {
		t.Error("a daemon told a state")
	}
}
