// SPDX-License-Identifier: Apache-2.0

package vuart

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"lastpage/dut/child"
	"lastpage/kernels/store"
)

// Binary is the QEMU that runs when a program is started. The program may be a script around it, which stays the same when QEMU does not.
type Binary struct {
	Path    string // what is started
	SHA256  string // of the program that then is QEMU
	Version string // first line of --version
	script  string // SHA-256 of what is started
}

const identifyLimit = 30 * time.Second // of host time; QEMU needs 0.1 s

// Identify starts qemu without a machine and looks at the process that then listens, however it came about.
func Identify(ctx context.Context, qemu string) (b Binary, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("identify %s: %w", qemu, err)
		}
	}()
	if b.Path, err = exec.LookPath(qemu); err != nil {
		return b, fmt.Errorf("%w: %w", ErrUnfit, err)
	}
	if b.script, err = digest(b.Path); err != nil {
		return b, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, identifyLimit, fmt.Errorf("%w: it did not come up", ErrUnfit))
	defer cancel()
	version, err := store.Command(ctx, "", b.Path, "--version").Output()
	if err != nil {
		return b, fmt.Errorf("%w: --version: %w", ErrUnfit, err)
	}
	b.Version, _, _ = strings.Cut(string(version), "\n")
	name := "lastpage-who-" + rand.Text()
	p, err := child.Start([]string{b.Path, "-nodefaults", "-no-user-config", "-display", "none", "-machine", "none", "-S", "-sandbox", Sandbox,
		"-chardev", "socket,id=who,abstract=on,server=on,wait=off,path=" + name}, nil)
	if err != nil {
		return b, fmt.Errorf("%w: %w", ErrUnfit, err)
	}
	defer p.Kill()
	pid, err := listener(ctx, name, p)
	if err != nil {
		return b, err
	}
	b.SHA256, err = digest(fmt.Sprintf("/proc/%d/exe", pid))
	return b, err
}

// listener is the process that listens on an abstract socket, once there is one.
func listener(ctx context.Context, name string, p *child.Process) (pid int32, err error) {
	for {
		c, err := (&net.Dialer{}).DialContext(ctx, "unix", "@"+name)
		if err == nil {
			defer c.Close()
			return peer(c.(*net.UnixConn))
		}
		select {
		case <-p.Done():
			return 0, fmt.Errorf("%w: %w", ErrUnfit, p.Failure())
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

func peer(c *net.UnixConn) (int32, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Ucred
	var no error
	if err := raw.Control(func(fd uintptr) { cred, no = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); err != nil {
		return 0, err
	}
	if no != nil {
		return 0, no
	}
	if cred.Pid == 0 {
		return 0, errors.New("it runs where its process cannot be seen (another PID namespace)")
	}
	return cred.Pid, nil
}

// digest is the SHA-256 of a file in hex.
func digest(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
