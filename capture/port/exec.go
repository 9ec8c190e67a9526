// SPDX-License-Identifier: Apache-2.0

package port

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	startWait  = 300 * time.Millisecond // for a command that fails at once
	killWait   = 300 * time.Millisecond // between the request to end and the end
	stderrKept = 2048                   // bytes of its last words
	pipeHeld   = 48 << 10               // of 64 KiB: the command may soon have to wait
)

// command is the standard output of a program: ssh, conserver's console, ipmitool sol. It runs in a session of its own, so that Ctrl-C is ours
// and that all of it ends with us. It has no terminal: what asks for a password fails.
type command struct {
	descriptor // its stdout
	watch      watch
	in         descriptor
	cmd        *exec.Cmd
	stderr     *tail
	exited     chan struct{}
	status     error // after exited
}

// errCommandEnded: the command has ended by itself and without a fault.
var errCommandEnded = errors.New("the command has ended by itself")

func startCommand(text string) (source, error) {
	var out, in [2]int
	if err := unix.Pipe2(out[:], unix.O_CLOEXEC); err != nil {
		return nil, err
	}
	if err := unix.Pipe2(in[:], unix.O_CLOEXEC); err != nil {
		return nil, errors.Join(err, unix.Close(out[0]), unix.Close(out[1]))
	}
	for _, fd := range []int{out[0], in[1]} {
		_ = unix.SetNonblock(fd, true)
	}
	c := &command{descriptor: descriptor(out[0]), in: descriptor(in[1]), stderr: &tail{}, exited: make(chan struct{})}
	childIn, childOut := os.NewFile(uintptr(in[0]), "stdin"), os.NewFile(uintptr(out[1]), "stdout")
	c.cmd = exec.Command("/bin/sh", "-c", text)
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = childIn, childOut, c.stderr
	c.cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true}
	c.cmd.WaitDelay = killWait // for what it left behind with its stderr
	err := c.cmd.Start()
	childIn.Close()
	childOut.Close()
	if err != nil {
		return nil, errors.Join(err, c.descriptor.Close(), c.in.Close())
	}
	go func() {
		c.status = c.cmd.Wait()
		close(c.exited)
	}()
	if c.wait(startWait) && c.pending() == 0 { // its end, and no byte before
		err := c.end()
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

func (c *command) ready(d time.Duration) bool { return c.watch.wait(c.descriptor, d) }

func (c *command) read(buf []byte) ([]piece, error) {
	n, err := c.get(buf)
	if errors.Is(err, io.EOF) {
		err = c.end()
	}
	if n == 0 {
		return nil, err
	}
	return []piece{{data: buf[:n]}}, err
}

// end says how the command ended, after its output did.
func (c *command) end() error {
	select {
	case <-c.exited:
	case <-time.After(time.Second):
		return &commandFailure{errors.New("it closed its output and goes on"), c.stderr.said()}
	}
	if c.status == nil {
		return errCommandEnded
	}
	return &commandFailure{c.status, c.stderr.said()}
}

// commandFailure is a command that ended with a fault. It is started again, more and more seldom.
type commandFailure struct {
	cause error
	said  string
}

func (f *commandFailure) Error() string {
	return fmt.Sprintf("the command failed: %v%s", f.cause, f.said)
}
func (f *commandFailure) Unwrap() error { return f.cause }

func (c *command) Close() error {
	group := -c.cmd.Process.Pid
	_ = unix.Kill(group, unix.SIGTERM)
	c.watch.Close()
	err := errors.Join(c.in.Close(), c.descriptor.Close())
	select {
	case <-c.exited:
	case <-time.After(killWait):
	}
	_ = unix.Kill(group, unix.SIGKILL) // whatever of the group is left
	<-c.exited
	return err
}

func (c *command) full() bool                                { return c.pending() >= pipeHeld }
func (c *command) look() []finding                           { return nil }
func (c *command) rate() int                                 { return 0 }
func (c *command) ledger() *ledger                           { return nil }
func (c *command) counters() (counters, error)               { return counters{}, errNoCounters }
func (c *command) write(ctx context.Context, b []byte) error { return c.in.put(ctx, b) }

func (c *command) sendBreak(context.Context, time.Duration) error { return ErrNoBreak }

func (c *command) caps() Caps {
	return Caps{Write: true, Unseen: []string{unseenErrors, unseenBreak, unseenRate, "what the command or its server loses"}}
}

// tail keeps the last bytes of a stream.
type tail struct {
	mu sync.Mutex
	b  []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	if n := len(t.b) - stderrKept; n > 0 {
		t.b = append(t.b[:0], t.b[n:]...)
	}
	return len(p), nil
}

func (t *tail) said() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if b := bytes.TrimSpace(t.b); len(b) > 0 {
		return fmt.Sprintf(": %q", b)
	}
	return ""
}
