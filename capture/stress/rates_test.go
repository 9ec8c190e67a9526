// SPDX-License-Identifier: Apache-2.0

package stress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lastpage/capture/pattern"
	"lastpage/capture/port"
	"lastpage/capture/port/porttest"
)

// plug makes the other end of a pty a plug whose line has a rate, bit/s: a byte comes back after its ten bits, and none is taken before. A pty
// by itself has no rate. drop is the offset of a byte that it loses; below 0: none.
func plug(t *testing.T, baud, drop int) (slave string) {
	t.Helper()
	master, slave := porttest.PTY(t)
	p, err := port.Open(t.Context(), port.Config{Name: slave, Baud: baud}) // raw before anybody writes
	if err != nil {
		t.Fatal(err)
	}
	p.Close()
	go func() {
		const every = 5 * time.Millisecond
		buf := make([]byte, 4096)
		n, at := 0, 0
		next := time.Now()
		for {
			got, err := master.Read(buf[:min(len(buf), max(1, baud/10*int(every)/int(time.Second)))])
			if errors.Is(err, unix.EIO) { // nobody has the slave open
				time.Sleep(time.Millisecond)
				continue
			}
			if err != nil {
				return
			}
			if now := time.Now(); next.Before(now) {
				next = now
			}
			next = next.Add(time.Duration(got) * 10 * time.Second / time.Duration(baud))
			time.Sleep(time.Until(next))
			out := buf[:got]
			if at = drop - n; at >= 0 && at < got {
				out = append(buf[:at:at], buf[at+1:got]...)
			}
			n += got
			if _, err := master.Write(out); err != nil {
				return
			}
		}
	}()
	return slave
}

// ser2net runs the terminal server that most labs have in front of a tty, as RFC 2217.
func ser2net(t *testing.T, tty string) (name string) {
	t.Helper()
	program, err := exec.LookPath("ser2net")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/ser2net"); err != nil {
			t.Skip("no ser2net here; setup.sh installs it")
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	_, number, _ := strings.Cut(addr, ":")
	file := filepath.Join(t.TempDir(), "ser2net.yaml")
	config := fmt.Sprintf("%%YAML 1.1\n---\nconnection: &board\n  accepter: telnet(rfc2217=true,mode=server),tcp,127.0.0.1,%s\n  connector: serialdev(nouucplock=true),%s,115200n81,local,nobreak\n  options: {max-connections: 1}\n", number, tty)
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(program, "-c", file, "-n", "-d")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
			time.Sleep(200 * time.Millisecond) // until it has noticed: it has room for one
			return "rfc2217://" + addr
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

// Slow and fast lines, at a tty and through a terminal server: nothing is lost, and no byte is blamed; a byte that the line loses is found.
func TestRates(t *testing.T) {
	for _, c := range []struct {
		baud  int
		bytes int64
	}{{9600, 4096}, {115200, 40_000}, {921600, 200_000}} {
		for _, remote := range []bool{false, true} {
			for _, drop := range []int{-1, int(c.bytes) / 2} {
				t.Run(fmt.Sprintf("%d remote=%v drop=%d", c.baud, remote, drop), func(t *testing.T) {
					t.Parallel()
					name := plug(t, c.baud, drop)
					if remote {
						name = ser2net(t, name)
					}
					r := ran(t, Config{Mode: Loopback, Ports: []port.Config{{Name: name, Baud: c.baud}}, Baud: c.baud, Bytes: c.bytes})
					l := r.Lines[0]
					if l.Rate == nil {
						t.Fatalf("no rate: %+v", l)
					}
					t.Logf("%d bytes at %.0f bytes/s, longest gap %.1f ms", *l.Sent, *l.Rate, float64(*l.GapNS)/1e6)
					if l.Stuck != "" || *l.Sent != pattern.Frames(c.bytes)*pattern.FrameBytes || !l.Heard.Ended || r.Ports[0].Baud != c.baud {
						t.Errorf("%+v %+v %+v", l, l.Heard, r.Ports[0])
					}
					if drop < 0 && !r.Clean {
						t.Errorf("blamed: %+v", l.Heard)
					}
					if drop >= 0 && (l.Heard.Lost != 1 || l.Heard.Total != 1) {
						t.Errorf("byte %d was lost: %+v", drop, l.Heard)
					}
				})
			}
		}
	}
}

// Two ports of one cable, both ways at once.
func TestPeer(t *testing.T) {
	a, b := porttest.PTY(t)
	c, d := porttest.PTY(t)
	for _, w := range [][2]*os.File{{a, c}, {c, a}} {
		go func() {
			buf := make([]byte, 4096)
			for {
				n, err := w[0].Read(buf)
				if errors.Is(err, unix.EIO) {
					time.Sleep(time.Millisecond)
					continue
				}
				if err != nil {
					return
				}
				if _, err := w[1].Write(buf[:n]); err != nil {
					return
				}
			}
		}()
	}
	r := ran(t, Config{Mode: Peer, Ports: []port.Config{{Name: b, Baud: 115200}, {Name: d, Baud: 115200}}, Baud: 115200, Bytes: 20_000})
	if !r.Clean || len(r.Lines) != 2 || r.Lines[0].From != b || r.Lines[0].To != d || r.Lines[1].From != d || r.Lines[1].Heard.Matched != *r.Lines[1].Sent {
		t.Errorf("%+v %+v", r.Lines[0].Heard, r.Lines[1].Heard)
	}
}

// One program sends, another listens; the listener ends with the stream.
func TestSendAndListen(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() { // joins the first two that come
		one, err1 := l.Accept()
		two, err2 := l.Accept()
		if err1 != nil || err2 != nil {
			return
		}
		defer two.Close()
		defer one.Close()
		_, _ = two.Write([]byte("login: "))
		buf := make([]byte, 4096)
		for {
			n, err := one.Read(buf)
			if err != nil {
				return
			}
			if _, err := two.Write(buf[:n]); err != nil {
				return
			}
		}
	}()
	name := "tcp:" + l.Addr().String()
	sent := make(chan *Report, 1)
	listening := make(chan struct{})
	go func() {
		cfg := Config{Mode: Send, Ports: []port.Config{{Name: name}}, Bytes: 100_000}
		cfg.Open = func(ctx context.Context, p port.Config) (Port, error) {
			o, err := port.Open(ctx, p)
			close(listening)
			time.Sleep(time.Second) // what it sends goes to a listener
			return o, err
		}
		r, err := Run(t.Context(), cfg)
		if err != nil {
			t.Error(err)
		}
		sent <- r
	}()
	<-listening
	r := ran(t, Config{Mode: Listen, Ports: []port.Config{{Name: name}}})
	s := <-sent
	if h := r.Lines[0].Heard; !r.Clean || !h.Ended || h.Matched != *s.Lines[0].Sent || h.Before != 7 || r.Lines[0].Sent != nil || s.Lines[0].Heard != nil {
		t.Errorf("heard %+v, sent %+v", h, s.Lines[0])
	}
}
