// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"lastpage/capture/wire"
	"lastpage/dut"
	"lastpage/dut/qemu/vuart"
)

// Pool opens boards of one setup; any number of goroutines may open some at the same time. It keeps the last keepSnapshots snapshots of
// armed guests.
type Pool struct {
	setup  Setup
	plugin string // path of the UART model
	facts  map[string]string
	tell   io.Writer

	taking sync.Mutex // one boot for a snapshot at a time
	// never are the boots, by the snapshot's key, that did not come to be armed. On an exact wire they would not again. Under taking.
	never map[string]error
	mu    sync.Mutex  // of snaps and of the users of each
	snaps []*snapshot // oldest use first
}

// keepSnapshots bounds the memory that snapshots take: each holds what its guest touched of its RAM, about 100 MB. Two are a scenario's
// reference and its trials.
const keepSnapshots = 2

// NewPool checks that this machine can run s.
func NewPool(ctx context.Context, s *Setup, progress io.Writer) (*Pool, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	if progress == nil {
		progress = io.Discard
	}
	version, err := Version(ctx, s.Binary)
	if err != nil {
		return nil, err
	}
	binary := s.Binary
	if binary == "" {
		binary = defaultBinary
	}
	// Nothing that the model reports is believed before it has proved itself inside this very QEMU; the proof is remembered.
	fit, err := vuart.SelfTest(ctx, binary)
	if err != nil {
		return nil, err
	}
	if err := s.fits(fit); err != nil {
		return nil, err
	}
	plugin, err := vuart.Build(ctx)
	if err != nil {
		return nil, err
	}
	facts := map[string]string{"qemu": version, "wire": string(s.Mode), "qemu_sha256": fit.SHA256, "uart_model": plugin, "cpus": strconv.Itoa(s.CPUs),
		"memory_mib": strconv.Itoa(s.MemMiB)}
	if s.Mode == Exact {
		facts["icount_shift"], facts["seed"] = strconv.Itoa(s.Shift), strconv.FormatUint(s.Seed, 10)
		if s.Later > 0 {
			facts["clock_later_s"] = strconv.Itoa(int(s.Later.Seconds()))
		}
	}
	b := &Pool{setup: *s, plugin: plugin, facts: facts, tell: progress, never: map[string]error{}}
	b.setup.FastForward = s.FastForward && fit.FastForward
	return b, nil
}

// Mode describes the wire in one word for the head of a grade.
func (b *Pool) Mode() string {
	m := string(b.setup.Mode)
	if b.setup.FastForward {
		m += "+ff"
	}
	if b.setup.Snapshot {
		m += "+snapshot"
	}
	return m
}

// Close frees the snapshots. No board may be opened any more.
func (b *Pool) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.snaps {
		b.drop(s)
	}
	b.snaps = nil
}

// Open gives a board that is about to run p: freshly powered on, or restored at the moment it reported that it was armed.
func (b *Pool) Open(ctx context.Context, p Payload) (*dut.Board, error) {
	if !b.setup.Snapshot {
		return b.open(ctx, p, nil)
	}
	snap, err := b.snapshot(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("take snapshot: %w", err)
	}
	defer b.release(snap)
	return b.open(ctx, p, snap)
}

// snapshot gives the snapshot of p, to be released by the caller; the first that asks boots it.
func (b *Pool) snapshot(ctx context.Context, p Payload) (*snapshot, error) {
	key := p.key(&b.setup)
	if s := b.use(key); s != nil {
		return s, nil
	}
	b.taking.Lock()
	defer b.taking.Unlock()
	if s := b.use(key); s != nil { // somebody else was faster
		return s, nil
	}
	if err := b.never[key]; err != nil {
		return nil, err
	}
	fmt.Fprintf(b.tell, "%s: booting once, until the guest is armed\n", b.setup.Name)
	s, err := b.take(ctx, p)
	if boot := (*dut.BootError)(nil); errors.As(err, &boot) && b.setup.Mode == Exact {
		b.never[key] = err
	}
	if err != nil {
		return nil, err
	}
	s.id, s.users = key, 2 // the list and the caller
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.snaps) == keepSnapshots {
		b.drop(b.snaps[0])
		b.snaps = b.snaps[1:]
	}
	b.snaps = append(b.snaps, s)
	return s, nil
}

// use finds a snapshot that is there and counts its new user.
func (b *Pool) use(key string) *snapshot {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, s := range b.snaps {
		if s.id == key {
			b.snaps = append(slices.Delete(b.snaps, i, i+1), s)
			s.users++
			return s
		}
	}
	return nil
}

func (b *Pool) release(s *snapshot) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.drop(s)
}

// drop counts one user less; the last one closes.
func (b *Pool) drop(s *snapshot) {
	if s.users--; s.users == 0 {
		s.close()
	}
}

// open starts a QEMU and puts a board around it.
func (b *Pool) open(ctx context.Context, p Payload, snap *snapshot) (*dut.Board, error) {
	l, err := b.launch(ctx, p, snap)
	if err != nil {
		return nil, err
	}
	facts := maps.Clone(b.facts)
	facts["cmdline"] = told(b.setup.Mode, p.Cmdline)
	facts["mode"] = b.Mode()
	start := dut.Start{Kind: dut.FromBoot}
	l.info = new(infoCache)
	if snap != nil {
		start = dut.Start{Kind: dut.FromSnapshot, ID: snap.id}
		l.info = &snap.info
	}
	facts["start"] = strings.TrimSpace(string(start.Kind) + " " + start.ID)
	board := dut.Board{Name: b.setup.Name, Mode: b.Mode(), Start: start, Facts: facts, Wire: l.log, Machine: l, Dump: l.dump, Ring: l.ring, Said: l.heard,
		Events: l.allEvents, Audit: l.audit, Turn: l.turn}
	if b.setup.Mode == Concurrent {
		board.BootDoubt = "QEMU's parallel vCPUs have been seen to break a kernel that patches its own text"
	}
	return dut.New(board, l.close), nil
}

// launch starts the process with its shared memory, and the goroutines that empty the page and the control channel.
func (b *Pool) launch(ctx context.Context, p Payload, snap *snapshot) (l *live, err error) {
	l = &live{log: wire.NewLog(wire.Virtual, wire.Frame{Baud: b.setup.Baud, Bits: 10}), boot: newBoot()}
	defer func(l *live) { // a return of nil, err leaves no other
		if err != nil {
			l.free()
		}
	}(l)
	if err := l.memory(&b.setup, snap); err != nil {
		return nil, err
	}
	in, out, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer out.Close()
	spec := Spec{Binary: b.setup.Binary, Mode: b.setup.Mode, Accel: "tcg", MemMiB: b.setup.MemMiB, CPUs: b.setup.CPUs,
		Kernel: p.Kernel, Cmdline: p.Cmdline, Shift: b.setup.Shift, Seed: b.setup.Seed, Later: b.setup.Later, Incoming: snap != nil}
	h := Handed{RAM: l.ram, Initrd: p.Initrd, Control: out, Plugin: b.plugin, Page: l.page}
	if snap != nil {
		h.Options = append(h.Options, vuart.Resume)
	}
	if b.setup.FastForward {
		h.Options = append(h.Options, vuart.FastForward)
	}
	if l.machine, err = Launch(ctx, spec, h); err != nil {
		in.Close()
		return nil, err
	}
	l.listen(in, snap)
	if snap == nil {
		return l, nil
	}
	// An open file of its own: QEMU reads from the file's position, and another may be reading too.
	devices, err := os.Open(fmt.Sprintf("/proc/self/fd/%d", snap.devices.Fd()))
	if err != nil {
		return nil, fmt.Errorf("open the snapshot's devices: %w", err)
	}
	defer devices.Close()
	if err := l.machine.loadDevices(ctx, devices); err != nil {
		return nil, err
	}
	return l, nil
}
