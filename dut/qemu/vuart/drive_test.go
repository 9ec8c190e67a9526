// SPDX-License-Identifier: Apache-2.0

package vuart

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/binary"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// The operations and results of csrc/test/drive.c.
const (
	opRead = iota
	opWrite
	opDoorbell
	opRX
	opUntil
	opReset
	opInputs
	opRun
	opReattach
	opInit
	opSymbol
)

const (
	gotValue = iota
	gotIRQ
	gotNMI
	gotStop
	gotReset
)

// Registers by their offset.
const (
	rData = iota
	rIER
	rIIR // FCR when written
	rLCR
	rMCR
	rLSR
	rMSR
	rSCR
)

type op struct {
	Op, Reg, Val, Flags uint8
	Arg                 uint32
	NS                  int64
}

type result struct {
	What, Val uint8
	_         [6]uint8
	NS        int64
}

// driver is the C device without QEMU.
type driver struct {
	t    testing.TB
	page *Page
	in   io.Writer
	out  *bufio.Reader
}

//go:embed csrc/test/drive.c
var driveSource string

// driveBinary is csrc/test/drive.c, compiled once.
var driveBinary = sync.OnceValues(func() (string, error) {
	if bin := os.Getenv(driveEnv); bin != "" { // a worker of the fuzzer: its parent has compiled
		return bin, nil
	}
	dir, err := os.MkdirTemp("", "vuart")
	if err != nil {
		return "", err
	}
	scratch = append(scratch, dir)
	// From what is embedded and not from the folder, so that go test knows when its cached result is stale.
	err = compile(context.Background(), dir, []string{"-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror",
		"-fsanitize=undefined,address", "-fno-sanitize-recover=all", "-I", "csrc", "-o", "drive", "-x", "c", "-"},
		driveSource, "device.c", "trigger.c", "uart16550.c")
	if err != nil {
		return "", err
	}
	bin := filepath.Join(dir, "drive")
	return bin, os.Setenv(driveEnv, bin)
})

const driveEnv = "VUART_TEST_DRIVE"

var scratch []string

func TestMain(m *testing.M) {
	status := m.Run()
	for _, dir := range scratch {
		os.RemoveAll(dir)
	}
	os.Exit(status)
}

// newDriver starts the device on a fresh page; it has powered on and runs at time 0.
func newDriver(t testing.TB, c Config) *driver {
	t.Helper()
	bin, err := driveBinary()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "page")
	p, err := Create(path, c)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bin, path)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("drive: %v\n%s", err, stderr.Bytes())
		}
		p.Close()
	})
	d := &driver{t: t, page: p, in: in, out: bufio.NewReader(out)}
	d.do(op{Op: opInit}, op{Op: opRun, Val: 1})
	return d
}

// do carries out operations and returns everything that came of them.
func (d *driver) do(ops ...op) []result {
	d.t.Helper()
	var b bytes.Buffer
	_ = binary.Write(&b, binary.LittleEndian, uint32(len(ops)))
	_ = binary.Write(&b, binary.LittleEndian, ops)
	if _, err := d.in.Write(b.Bytes()); err != nil {
		d.t.Fatalf("drive: %v", err)
	}
	var n uint32
	if err := binary.Read(d.out, binary.LittleEndian, &n); err != nil {
		d.t.Fatalf("drive: %v", err)
	}
	rs := make([]result, n)
	if err := binary.Read(d.out, binary.LittleEndian, rs); err != nil {
		d.t.Fatalf("drive: %v", err)
	}
	return rs
}

func (d *driver) write(ns int64, reg, val uint8) []result {
	d.t.Helper()
	return d.do(op{Op: opWrite, Reg: reg, Val: val, NS: ns})
}

// read returns the value; results before it (of time passing) are dropped.
func (d *driver) read(ns int64, reg uint8) uint8 {
	d.t.Helper()
	rs := d.do(op{Op: opRead, Reg: reg, NS: ns})
	for _, r := range rs {
		if r.What == gotValue {
			return r.Val
		}
	}
	d.t.Fatalf("read of register %d: no value", reg)
	return 0
}

// recs drains the page.
func (d *driver) recs() []Rec {
	d.t.Helper()
	var out []Rec
	if _, err := d.page.Drain(func(rs []Rec) { out = append(out, rs...) }); err != nil {
		d.t.Fatal(err)
	}
	return out
}

// events drains the page's events but for changes of the format.
func (d *driver) events() []Event {
	d.t.Helper()
	var out []Event
	if _, err := d.page.Events(func(es []Event) {
		for _, e := range es {
			if e.Kind != Format && e.Kind != Run {
				out = append(out, e)
			}
		}
	}); err != nil {
		d.t.Fatal(err)
	}
	return out
}

// small is a page for tests.
func small() Config {
	c := Default()
	c.Records, c.Events = 1<<12, 1<<10
	return c
}
