// SPDX-License-Identifier: Apache-2.0

package port

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lastpage/capture/wire"
)

// server answers each connection by serve, until the end of the test.
func server(t *testing.T, serve func(n int, c net.Conn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for n := 0; ; n++ {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { c.Close() })
			go serve(n, c)
		}
	}()
	return ln.Addr().String()
}

func says(texts ...string) func(int, net.Conn) {
	return func(n int, c net.Conn) {
		if n < len(texts) {
			_, _ = c.Write([]byte(texts[n]))
			c.Close()
		}
	}
}

func TestCaptureTCP(t *testing.T) {
	addr := server(t, says("one\r\n", "\xff\x00two")) // 0xff is a byte, not a telnet command
	p, stop := start(t, Config{Name: "tcp:" + addr}, t.TempDir())
	within(t, p.Log(), 10)
	r := stop()
	if r.err != nil || r.report.Gaps < 1 || r.report.Baud != 0 {
		t.Errorf("%+v, %v", r.report, r.err)
	}
	if got := p.Log().Bytes(0, 10); string(got) != "one\r\n\xff\x00two" {
		t.Errorf("%q", got)
	}
}

// A raw port that begins to negotiate is none, at once, in parts, or late.
func TestTelnetIsNotRaw(t *testing.T) {
	const hello = "\xff\xfb\x03\xff\xfd\x03A\xff\xffB\r\n"
	for _, cut := range []int{0, 1, 2} {
		addr := server(t, func(_ int, c net.Conn) {
			_, _ = c.Write([]byte(hello[:cut]))
			time.Sleep(20 * time.Millisecond)
			_, _ = c.Write([]byte(hello[cut:]))
		})
		p, err := Open(context.Background(), Config{Name: "tcp://" + addr})
		if err == nil { // the rest came so late that only the capture could tell
			found(t, p)
			continue
		}
		if !strings.Contains(err.Error(), "this port speaks telnet: use telnet:// or rfc2217://") {
			t.Errorf("cut at %d: %v", cut, err)
		}
	}
	opened := make(chan struct{})
	addr := server(t, func(_ int, c net.Conn) {
		<-opened
		_, _ = c.Write([]byte(hello))
	})
	p, err := Open(context.Background(), Config{Name: "tcp:" + addr})
	close(opened)
	if err != nil {
		t.Fatal(err)
	}
	if found(t, p); p.Log().Len() != 0 {
		t.Errorf("%d bytes are taken for the board's", p.Log().Len())
	}
}

// found captures until the port turns out to speak telnet.
func found(t *testing.T, p *Port) {
	t.Helper()
	stop, ended := running(t, p, t.TempDir())
	<-ended
	if r := stop(); !strings.Contains(strings.Join(r.report.Void, "|"), "speaks telnet") {
		t.Errorf("%+v", r.report)
	}
}

// A server's own words are not the board's.
func TestServersWords(t *testing.T) {
	t.Parallel()
	const used = "Port already in use\r\n"
	t.Run("as the capture begins", func(t *testing.T) {
		var asked atomic.Int32
		addr := server(t, func(_ int, c net.Conn) { asked.Add(1); says(used)(0, c) })
		_, err := Open(context.Background(), Config{Name: "tcp:" + addr})
		if err == nil || !strings.Contains(err.Error(), `the server says "Port already in use" (3 tries)`) || asked.Load() != openTries {
			t.Errorf("%v, asked %d times", err, asked.Load())
		}
	})
	t.Run("until the port is free", func(t *testing.T) {
		addr := server(t, says(used, used, "boot\r\n"))
		p, stop := start(t, Config{Name: "tcp:" + addr}, t.TempDir())
		within(t, p.Log(), 6)
		stop()
		if got := string(p.Log().Bytes(0, 6)); got != "boot\r\n" {
			t.Errorf("%q", got)
		}
	})
	t.Run("while the capture goes on", func(t *testing.T) {
		if testing.Short() {
			t.Skip("a quarter of a minute of tries")
		}
		captured := make(chan struct{})
		addr := server(t, func(n int, c net.Conn) {
			if n == 0 {
				_, _ = c.Write([]byte("board\r\n"))
				<-captured
				c.Close()
				return
			}
			says(used)(0, c)
		})
		p, err := Open(context.Background(), Config{Name: "tcp:" + addr})
		if err != nil {
			t.Fatal(err)
		}
		stop, ended := running(t, p, t.TempDir())
		within(t, p.Log(), 7)
		close(captured)
		<-ended
		r := stop()
		if got := string(p.Log().Bytes(0, 100)); got != "board\r\n" || !strings.Contains(strings.Join(r.report.Void, "|"), `the server says "Port already in use", 6 times`) {
			t.Errorf("%q, %+v", got, r.report)
		}
	})
	t.Run("a banner", func(t *testing.T) {
		addr := server(t, func(_ int, c net.Conn) {
			_, _ = c.Write([]byte("\r\nser2net port tcp,4001 device /dev/ttyS0 [115200N81] (Debian GNU/Linux)\r\n\r\nboard\r\n"))
		})
		p, stop := start(t, Config{Name: "tcp:" + addr}, t.TempDir())
		within(t, p.Log(), 7)
		stop()
		if got := string(p.Log().Bytes(0, 100)); got != "board\r\n" {
			t.Errorf("%q", got)
		}
	})
	t.Run("a board that says such a thing", func(t *testing.T) {
		addr := server(t, func(_ int, c net.Conn) { _, _ = c.Write([]byte("eth0: address already in use\r\n")) })
		p, stop := start(t, Config{Name: "tcp:" + addr}, t.TempDir())
		within(t, p.Log(), 30)
		if r := stop(); len(r.report.Void) != 0 {
			t.Errorf("%+v", r.report)
		}
	})
}

// Two clients of a server that lets the newest have the port do not throw each other out for ever.
func TestKickedOutGivesUp(t *testing.T) {
	t.Parallel()
	holder := make(chan net.Conn, 1)
	addr := server(t, func(_ int, c net.Conn) {
		select {
		case old := <-holder:
			old.Close()
		default:
		}
		holder <- c
	})
	one, err := Open(context.Background(), Config{Name: "tcp:" + addr})
	if err != nil {
		t.Fatal(err)
	}
	_, ended1 := running(t, one, t.TempDir())
	two, err := Open(context.Background(), Config{Name: "tcp:" + addr})
	if err != nil {
		t.Fatal(err)
	}
	_, ended2 := running(t, two, t.TempDir())
	select { // go test's own limit is the bound
	case <-ended1:
	case <-ended2:
	}
}

// A peer that vanishes without a word. In a network of its own, whose only cable is pulled.
func TestVanishedPeer(t *testing.T) {
	t.Parallel()
	if os.Getenv("LASTPAGE_NETNS") == "" {
		c := exec.Command(os.Args[0], "-test.run=^TestVanishedPeer$", "-test.v")
		c.Env = append(os.Environ(), "LASTPAGE_NETNS=1")
		c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
		out, err := c.CombinedOutput()
		if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
			t.Skipf("no network namespace for this user: %v", err)
		}
		if err != nil || !strings.Contains(string(out), "the cable was pulled") {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	cable(t, true)
	addr := server(t, func(_ int, c net.Conn) { _, _ = c.Write([]byte("board\r\n")) })
	var told atomic.Value
	p, err := Open(context.Background(), Config{Name: "tcp:" + addr, Tell: func(s string) { told.Store(s) }})
	if err != nil {
		t.Fatal(err)
	}
	stop, _ := running(t, p, t.TempDir())
	within(t, p.Log(), 7)
	cable(t, false)
	cut := monotonic()
	t.Log("the cable was pulled")
	becomes(t, "that the port is away", func() bool { return told.Load() != nil })
	cable(t, true)
	within(t, p.Log(), 14)
	r := stop()
	m := p.Log().Marks()
	if len(m) != 1 || m[0].Kind != wire.MarkGap || m[0].Off != 7 || m[0].NS-int64(m[0].Count) > cut {
		t.Errorf("the cable was pulled at %d, marks %+v", cut, m)
	}
	if r.report.Gaps != 1 || len(r.report.Void) == 0 {
		t.Errorf("%+v", r.report)
	}

	// And one that vanishes a little before Ctrl-C.
	p, err = Open(context.Background(), Config{Name: "tcp:" + addr})
	if err != nil {
		t.Fatal(err)
	}
	stop, _ = running(t, p, t.TempDir())
	within(t, p.Log(), 7)
	cable(t, false)
	becomes(t, "that it is silent", func() bool { return p.src.(remote).silence() > silentAfter })
	if r := stop(); !strings.Contains(strings.Join(r.report.Void, "|"), "had not answered") || len(p.Log().Marks()) != 1 {
		t.Errorf("%+v, marks %+v", r.report, p.Log().Marks())
	}
}

// cable sets the loopback of this namespace up or down.
func cable(t *testing.T, up bool) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	req, err := unix.NewIfreq("lo")
	if err != nil {
		t.Fatal(err)
	}
	if up {
		req.SetUint16(unix.IFF_UP)
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, req); err != nil {
		t.Fatal(err)
	}
}
