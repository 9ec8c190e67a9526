// SPDX-License-Identifier: Apache-2.0

package parts

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// Networked is one more board, whose network card boots what loader says: files here by their names in its TFTP folder, with a pxelinux.0
// among them. Its console is the machine's own plug, commands switch it, its dump is that of a kind of boards, and it is in no inventory. It
// ends with the bench.
func (b *Bench) Networked(ctx context.Context, kind, dumps string, loader map[string]string) (*Board, error) {
	d, err := b.one(kind, dumps)
	if err != nil {
		return nil, err
	}
	d.firmware = "pxe"
	for name, from := range loader {
		data, err := os.ReadFile(from)
		if err != nil {
			return nil, err
		}
		to := filepath.Join(d.dir, "tftp", name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.WriteFile(to, data, 0o644)); err != nil {
			return nil, err
		}
	}
	return d, b.machine(ctx, d)
}

// Disked is one more board like that, which boots from a file that is its disk; its TFTP folder is empty.
func (b *Bench) Disked(ctx context.Context, kind, dumps, disk string) (*Board, error) {
	d, err := b.one(kind, dumps)
	if err != nil {
		return nil, err
	}
	d.firmware, d.disk = "bios", disk
	return d, b.machine(ctx, d)
}

// machine starts the machine of a board with its plug, and switches it off.
func (b *Bench) machine(ctx context.Context, d *Board) error {
	d.TFTP, d.Socket = filepath.Join(d.dir, "tftp"), filepath.Join(d.dir, "control")
	if err := os.MkdirAll(d.TFTP, 0o755); err != nil {
		return err
	}
	if err := os.Remove(d.Socket); err != nil && !errors.Is(err, fs.ErrNotExist) { // of a bench that was killed
		return err
	}
	d.Control = fmt.Sprintf("%s wire control %s", b.o.Lastpage, d.Socket)
	if err := b.bridge(ctx, d); err != nil {
		return err
	}
	// It comes with its power on; a bench that nobody uses is off.
	if out, err := exec.CommandContext(ctx, b.o.Lastpage, "wire", "control", d.Socket, "off").CombinedOutput(); err != nil {
		return fmt.Errorf("switch it off: %w: %s", err, out)
	}
	d.Console = d.Plug
	return nil
}

// freePort is a TCP port that is free now.
func freePort() (int, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port, nil
}

// bridge starts the machine with its plug.
func (b *Bench) bridge(ctx context.Context, d *Board) error {
	argv := []string{b.o.Lastpage, "wire", "bridge", "--firmware", d.firmware, "--memory", strconv.Itoa(d.Memory), "--tftp", d.TFTP, "--control", d.Socket, "--quiet"}
	if d.disk != "" {
		argv = append(argv, "--disk", d.disk)
	}
	if d.Receiver != 0 {
		argv = append(argv, "--uplink")
	}
	t, out, err := b.start(ctx, argv...)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		name, place, _ := strings.Cut(lines.Text(), " ")
		switch place = strings.TrimSpace(place); name {
		case "tcp":
			d.Bare = place
		case "pty":
			d.PTY = place
		case "rfc2217":
			d.Plug = place
		case "break": // the last line
			go io.Copy(io.Discard, out) //nolint:errcheck // ends with the process
			return nil
		}
	}
	<-t.ended
	return fmt.Errorf("the bridge did not come up: %w", t.err)
}
