// SPDX-License-Identifier: Apache-2.0

package port

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lastpage/capture/port/porttest"
)

// ser2net runs the terminal server that most labs have, in front of a pty.
func ser2net(t *testing.T, accepter, options string) (board *os.File, addr string) {
	t.Helper()
	program, err := exec.LookPath("ser2net")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/ser2net"); err != nil {
			t.Skip("no ser2net here; setup.sh installs it")
		}
	}
	board, slave := porttest.PTY(t)
	hold, err := openTTY(Config{Name: slave, Baud: 115200}, nil) // raw before anybody writes
	if err != nil {
		t.Fatal(err)
	}
	_ = hold.Close()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr = ln.Addr().String()
	ln.Close()
	file := filepath.Join(t.TempDir(), "ser2net.yaml")
	_, number, _ := strings.Cut(addr, ":")
	config := fmt.Sprintf("%%YAML 1.1\n---\nconnection: &board\n  accepter: %stcp,127.0.0.1,%s\n  connector: serialdev(nouucplock=true),%s,115200n81,local,nobreak\n  options: {%s}\n",
		accepter, number, slave, options)
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(program, "-c", file, "-n", "-d")
	var words bytes.Buffer
	c.Stderr = &words
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	return board, addr
}

// opened opens as soon as the server listens.
func opened(t *testing.T, cfg Config) *Port {
	t.Helper()
	var p *Port
	becomes(t, "that ser2net listens", func() bool {
		var err error
		p, err = Open(context.Background(), cfg)
		if err != nil && !strings.Contains(err.Error(), "refused") {
			t.Fatal(err)
		}
		return err == nil
	})
	return p
}

func TestSer2net(t *testing.T) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for _, c := range []struct{ accepter, kind string }{
		{"telnet(rfc2217=true,mode=server),", "rfc2217://"}, {"telnet(mode=server),", "telnet://"}, {"", "tcp://"},
	} {
		t.Run(c.kind, func(t *testing.T) {
			board, addr := ser2net(t, c.accepter, "max-connections: 1")
			p := opened(t, Config{Name: c.kind + addr, Baud: 115200})
			stop, _ := running(t, p, t.TempDir())
			if _, err := board.Write(all); err != nil {
				t.Fatal(err)
			}
			within(t, p.Log(), 256)
			if got := p.Log().Bytes(0, 300); !bytes.Equal(got, all) {
				t.Errorf("%q", got)
			}
			if err := p.Write(context.Background(), all); err != nil {
				t.Fatal(err)
			}
			got := make([]byte, 0, 512)
			for len(got) < 256 {
				n, err := board.Read(got[len(got):512])
				if err != nil {
					t.Fatal(err)
				}
				got = got[:len(got)+n]
			}
			if !bytes.Equal(got, all) {
				t.Errorf("the board got %q", got)
			}
			if c.kind == "rfc2217://" && p.Caps().Rate != true {
				t.Errorf("%+v", p.Caps())
			}
			// The port has its one client.
			if q, err := Open(context.Background(), Config{Name: c.kind + addr, Baud: 115200}); err == nil {
				q.Close()
				t.Error("opened twice")
			} else if !strings.Contains(err.Error(), `the server says "Port already in use"`) {
				t.Error(err)
			}
			if r := stop(); r.err != nil || len(r.report.Void) != 0 {
				t.Errorf("%+v, %v", r.report, r.err)
			}
		})
	}
}

// Opened as raw, a telnet port is refused; a raw one that is opened as telnet too.
func TestSer2netMistaken(t *testing.T) {
	_, addr := ser2net(t, "telnet(rfc2217=true,mode=server),", "max-connections: 4")
	opened(t, Config{Name: "telnet://" + addr}).Close()
	if p, err := Open(context.Background(), Config{Name: "tcp:" + addr}); err == nil {
		p.Close()
		t.Error("a telnet port was opened as raw")
	} else if !strings.Contains(err.Error(), "speaks telnet") {
		t.Error(err)
	}
	_, addr = ser2net(t, "", "max-connections: 4")
	opened(t, Config{Name: "tcp:" + addr}).Close()
	if p, err := Open(context.Background(), Config{Name: "telnet://" + addr}); err == nil {
		p.Close()
		t.Error("a raw port was opened as telnet")
	} else if !strings.Contains(err.Error(), "is it a raw port") {
		t.Error(err)
	}
}

// Two captures of a port that gives itself to the newest: one of them ends, and says why.
func TestSer2netKicksOldUser(t *testing.T) {
	t.Parallel()
	_, addr := ser2net(t, "", "kickolduser: true, max-connections: 1")
	one := opened(t, Config{Name: "tcp:" + addr})
	stop1, ended1 := running(t, one, t.TempDir())
	time.Sleep(readWait)
	two := opened(t, Config{Name: "tcp:" + addr})
	stop2, ended2 := running(t, two, t.TempDir())
	stop := stop1
	select {
	case <-ended1:
	case <-ended2:
		stop = stop2
	}
	if r := stop(); !strings.Contains(strings.Join(r.report.Void, "|"), "another client takes the port each time") {
		t.Errorf("%+v", r.report)
	}
}
