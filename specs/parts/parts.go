// SPDX-License-Identifier: Apache-2.0

// Package parts puts a bench together of what labs have: terminal servers (ser2net, RFC 2217), BMCs (IPMI by pyghmi), U-Boot with TFTP, and
// switches that are commands. In: a folder. Out: an inventory in it, as a user would write it.
//
// The machines are QEMUs, each with a `lastpage wire bridge` as its plug; whoever has the inventory sees only the parts. A machine that is
// off takes no CPU. Everything lies in the folder, on loopback, on ports that were free, and ends with the process that started it.
package parts

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Options of Start.
type Options struct {
	Lastpage string    // the command
	Dir      string    // a folder that is there
	Prefix   string    // of the boards' names: leases are of a whole machine
	Kinds    []string  // of boards; nil: all for which this machine has the parts
	Log      io.Writer // what the parts say
}

// Bench is a bench that is up.
type Bench struct {
	// Inventory is a file. Boards with a crash kernel are in a file of their own beside it (Crash): what a kernel does when it dies is
	// another thing there, and the promises of specs/board are not made.
	Inventory, Crash string
	Boards           []*Board
	Lacks            []string // boards that are not there, and which part of this machine's is missing

	o     Options
	tasks []*task
}

// kinds of boards: name, and what it needs beside the bridge.
var kinds = []struct {
	name  string
	needs func() error
}{
	{Plain, haveSer2net},
	{BMC, haveBMC},
	{Kdump, func() error { return nil }},
	{Pstore, func() error { return nil }},
	{RAM, func() error { return nil }},
}

// Kinds of boards.
const (
	Plain  = "plain"  // console through ser2net, switched by commands
	BMC    = "bmc"    // console without a server between, switched by a BMC
	Pstore = "pstore" // its log is kept over a reset
	RAM    = "ram"    // its memory is read after a reset, over its network
	Kdump  = "kdump"  // its memory comes from a crash kernel, over its network
)

// The user of every BMC.
const (
	User     = "lab"
	Password = "secret"
)

// python is Debian's, which has the BMC's library if the package python3-pyghmi is installed.
const python = "/usr/bin/python3"

func haveBMC() error {
	if err := exec.Command(python, "-c", "import pyghmi").Run(); err != nil {
		return errors.New("python3-pyghmi is not installed")
	}
	return nil
}

// ser2net is in a folder that not every user has in PATH.
func ser2net() (string, error) {
	if path, err := exec.LookPath("ser2net"); err == nil {
		return path, nil
	}
	return exec.LookPath("/usr/sbin/ser2net")
}

func haveSer2net() error {
	if _, err := ser2net(); err != nil {
		return errors.New("ser2net is not installed")
	}
	return nil
}

// Start brings the bench up. It ends with ctx, or by Stop.
func Start(ctx context.Context, o Options) (*Bench, error) {
	b := &Bench{o: o, Inventory: filepath.Join(o.Dir, "boards.yaml"), Crash: filepath.Join(o.Dir, "crash.yaml")}
	var own, crash []*Board
	for _, k := range kinds {
		if o.Kinds != nil && !slices.Contains(o.Kinds, k.name) {
			continue
		}
		if err := k.needs(); err != nil {
			b.Lacks = append(b.Lacks, fmt.Sprintf("%s: %v", k.name, err))
			continue
		}
		board, err := b.board(ctx, k.name)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("board %s: %w", k.name, err), b.Stop())
		}
		b.Boards = append(b.Boards, board)
		if board.Receiver != 0 || board.Keeps {
			crash = append(crash, board)
		} else {
			own = append(own, board)
		}
	}
	if len(own) == 0 {
		return nil, errors.Join(fmt.Errorf("no board can be put together: %s", strings.Join(b.Lacks, "; ")), b.Stop())
	}
	return b, errors.Join(b.write(b.Crash, crash...), b.write(b.Inventory, own...)) // whoever waits for the second has the first
}

// Find is the board of a kind; nil if it is not there.
func (b *Bench) Find(kind string) *Board {
	for _, board := range b.Boards {
		if board.Kind == kind {
			return board
		}
	}
	return nil
}

// board puts one together.
func (b *Bench) board(ctx context.Context, kind string) (*Board, error) {
	d, err := b.one(kind, kind)
	if err != nil {
		return nil, err
	}
	d.firmware = "u-boot"
	if err := b.machine(ctx, d); err != nil {
		return nil, err
	}
	switch kind {
	case Plain:
		return d, b.server(ctx, d)
	case BMC:
		return d, b.bmc(ctx, d)
	}
	return d, nil
}

// one is a board that has the dump of a kind of boards.
func (b *Bench) one(kind, dumps string) (d *Board, err error) {
	d = &Board{Name: b.o.Prefix + kind, Kind: kind, dir: filepath.Join(b.o.Dir, kind), Memory: 512, Keeps: dumps == Pstore, Remembers: dumps == RAM}
	switch dumps {
	case Pstore:
		d.Memory = 1024
	case Kdump, RAM:
		d.Memory = 1024
		d.Receiver, err = freePort()
	}
	return d, err
}

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

//go:embed bmc.py
var bmcProgram []byte

// bmc starts a BMC before the machine's switch.
func (b *Bench) bmc(ctx context.Context, d *Board) error {
	// A port that is free now; a BMC cannot be told to choose one.
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	d.BMC = c.LocalAddr().(*net.UDPAddr).Port
	c.Close()
	program := filepath.Join(d.dir, "bmc.py")
	if err := os.WriteFile(program, bmcProgram, 0o644); err != nil {
		return err
	}
	return b.manage(ctx, d)
}

// manage starts the BMC that bmc has chosen a port for.
func (b *Bench) manage(ctx context.Context, d *Board) error {
	program := filepath.Join(d.dir, "bmc.py")
	t, out, err := b.start(ctx, append([]string{python, program, strconv.Itoa(d.BMC), User, Password}, strings.Fields(d.Control)...)...)
	if err != nil {
		return err
	}
	d.bmc = t
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "listening\n" {
		<-t.ended
		return fmt.Errorf("the BMC says %q: %w", line, errors.Join(err, t.err))
	}
	go io.Copy(io.Discard, out) //nolint:errcheck // ends with the process
	return nil
}

// serverLimit bounds the wait for a terminal server that listens.
const serverLimit = 20 * time.Second

// server starts a terminal server before the machine's plug. As a client of RFC 2217 it carries BREAK, which it does not to a pty.
func (b *Bench) server(ctx context.Context, d *Board) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	d.Console = fmt.Sprintf("127.0.0.1:%d", port)
	plugHost, plugPort, err := net.SplitHostPort(d.Plug)
	if err != nil {
		return err
	}
	config := filepath.Join(d.dir, "ser2net.yaml")
	text := fmt.Sprintf("%%YAML 1.1\n---\nconnection: &board\n  accepter: telnet(rfc2217=true,mode=server),tcp,127.0.0.1,%d\n"+
		"  connector: telnet(rfc2217=true),tcp,%s,%s\n  options: {max-connections: 1}\n", port, plugHost, plugPort)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		return err
	}
	return b.serve(ctx, d)
}

// Server starts a terminal server before a machine that speaks RFC 2217 at plug. Its configuration is in dir. It ends with ctx.
func Server(ctx context.Context, dir, plug string, log io.Writer) (addr string, err error) {
	d := &Board{Plug: plug, dir: dir}
	err = (&Bench{o: Options{Log: log}}).server(ctx, d)
	return d.Console, err
}

// serve starts the server that server has configured.
func (b *Bench) serve(ctx context.Context, d *Board) error {
	program, err := ser2net()
	if err != nil {
		return err
	}
	t, out, err := b.start(ctx, program, "-n", "-d", "-c", filepath.Join(d.dir, "ser2net.yaml"))
	if err != nil {
		return err
	}
	d.server = t
	go io.Copy(io.Discard, out) //nolint:errcheck // ends with the process
	for begin := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		c, err := net.Dial("tcp", d.Console)
		if err == nil {
			return c.Close()
		}
		select {
		case <-t.ended:
			return fmt.Errorf("ser2net: %w", t.err)
		default:
		}
		if time.Since(begin) > serverLimit {
			return fmt.Errorf("ser2net does not listen after %s: %w", serverLimit, err)
		}
	}
}

// task is a process of the bench.
type task struct {
	cmd   *exec.Cmd
	ended chan struct{}
	err   error // valid then
}

// start starts a program, which ends with this process however that ends: the thread that forked it is kept (prctl(2), PR_SET_PDEATHSIG).
func (b *Bench) start(ctx context.Context, argv ...string) (*task, io.Reader, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = endLimit
	cmd.Stdout, cmd.Stderr = w, b.o.Log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	t := &task{cmd: cmd, ended: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		w.Close()
		if started <- err; err != nil {
			return
		}
		t.err = cmd.Wait()
		close(t.ended)
	}()
	if err := <-started; err != nil {
		r.Close()
		return nil, nil, err
	}
	b.tasks = append(b.tasks, t)
	return t, r, nil
}

// endLimit bounds the end of a part that was asked to end.
const endLimit = 20 * time.Second

// Stop takes the bench down, the last part first.
func (b *Bench) Stop() error {
	var all error
	for _, t := range slices.Backward(b.tasks) {
		_ = t.cmd.Process.Signal(os.Interrupt) // one that has ended needs none
		select {
		case <-t.ended:
		case <-time.After(endLimit):
			all = errors.Join(all, fmt.Errorf("%s did not end in %s", t.cmd.Path, endLimit), t.cmd.Process.Kill())
		}
	}
	b.tasks = nil
	return all
}
