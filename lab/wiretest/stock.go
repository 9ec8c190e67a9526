// SPDX-License-Identifier: Apache-2.0

package wiretest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"lastpage/capture/ring"
	"lastpage/dut/qemu"
	"lastpage/kernels"
	"lastpage/kernels/plan"
)

// stock is the way without a model: QEMU's own UART on a socketpair whose other end is read no faster than the line would be. It stands
// beside the model's figures to show what host-time pacing costs.
func stock(ctx context.Context, t *test) error {
	img, err := t.image(ctx, t.Kernel)
	if err != nil {
		return err
	}
	t.Tell("stock: QEMU's own UART, paced from outside")
	ctx, cancel := context.WithTimeoutCause(ctx, stepLimit, errors.New("the guest did not come to its end"))
	defer cancel()
	s, stalls, err := paced(ctx, t, img)
	if err != nil {
		return err
	}
	a, err := s.agree(7)
	if err != nil {
		return err
	}
	f := Fact{Part: "stock", Name: "QEMU's own UART, paced through a socketpair", Verdict: Figure,
		Got: fmt.Sprintf("%d of %d records lost or garbled %v, %d strange bytes; %d bytes from boot to end in %.1f s host; the reader was late by up to %.1f ms",
			a.Records-a.Intact, a.Records, a.Other, a.Strange, len(s.Wire), s.Host.Seconds(), stalls.Seconds()*1e3)}
	t.add(f.with(map[string]float64{"records": float64(a.Records), "lost": float64(a.Records - a.Intact), "host_s": s.Host.Seconds(),
		"bytes": float64(len(s.Wire)), "reader_late_max_s": stalls.Seconds()}))
	return nil
}

// paced boots a guest on QEMU's own UART and reads 11520 bytes a second of host time.
func paced(ctx context.Context, t *test, img *kernels.Image) (*shot, time.Duration, error) {
	p := planned(1, speedBacklog, plan.ProvokeWarn)
	p.Doorbell = plan.Doorbell{}
	var initrd bytes.Buffer
	if err := kernels.WriteInitramfs(&initrd, img, p, nil); err != nil {
		return nil, 0, err
	}
	ram, err := qemu.NewRAM(256 << 20)
	if err != nil {
		return nil, 0, err
	}
	defer ram.Close()
	control, out, err := os.Pipe()
	if err != nil {
		return nil, 0, err
	}
	defer control.Close()
	defer out.Close()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, 0, err
	}
	theirs, ours := os.NewFile(uintptr(pair[0]), "theirs"), pair[1]
	defer unix.Close(ours)
	defer theirs.Close()
	// As little as the kernel allows waits in between: what lies there has left QEMU's UART.
	_ = unix.SetsockoptInt(pair[0], unix.SOL_SOCKET, unix.SO_SNDBUF, 1)
	_ = unix.SetsockoptInt(ours, unix.SOL_SOCKET, unix.SO_RCVBUF, 1)
	spec := qemu.Spec{Binary: t.Binary, Mode: qemu.Free, CPUs: 1, MemMiB: 256, Kernel: img.Vmlinuz, Cmdline: img.Cmdline}
	m, err := qemu.Launch(ctx, spec, qemu.Handed{RAM: ram, Initrd: initrd.Bytes(), Control: out, Serial: theirs})
	if err != nil {
		return nil, 0, err
	}
	defer m.Close()
	theirs.Close()
	out.Close()
	start := time.Now()
	if err := m.Cont(ctx); err != nil {
		return nil, 0, err
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		sc := bufio.NewScanner(control)
		sc.Buffer(nil, plan.MaxMessage+2)
		for sc.Scan() {
			if m, err := plan.ParseMessage(sc.Bytes()); err == nil && (m.Event == plan.EventDone || m.Event == plan.EventError) {
				return
			}
		}
	}()
	wire, late, err := pace(ctx, ours, 11520, over)
	if err != nil {
		m.Close()
		return nil, 0, fmt.Errorf("%w (%w)", err, m.Failure())
	}
	s := &shot{Wire: wire, Host: time.Since(start)}
	m.Close()
	s.Ring, err = readRing(ctx, ram, ram.Size())
	return s, late, err
}

// pace reads rate bytes a second of host time, never more, until nothing came for 2 s after over was closed. late is the longest time
// between two looks, where 1 ms was meant.
func pace(ctx context.Context, fd, rate int, over <-chan struct{}) (wire []byte, late time.Duration, err error) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	last, quiet := time.Now(), time.Now()
	credit := 0.0
	buf := make([]byte, 64)
	for {
		select {
		case <-ctx.Done():
			return wire, late, context.Cause(ctx)
		case <-tick.C:
		}
		now := time.Now()
		gap := now.Sub(last)
		last, late = now, max(late, gap)
		// A line that was idle has no credit for it: at most what its 16 bytes of FIFO would have sent.
		credit = min(credit+gap.Seconds()*float64(rate), 16)
		n, _, err := unix.Recvfrom(fd, buf[:int(credit)], unix.MSG_DONTWAIT)
		switch {
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR), int(credit) == 0:
			n = 0
		case err != nil:
			return wire, late, fmt.Errorf("read the socket: %w", err)
		case n == 0:
			return wire, late, io.ErrUnexpectedEOF
		}
		if n > 0 {
			wire, credit, quiet = append(wire, buf[:n]...), credit-float64(n), now
		}
		select {
		case <-over:
			if now.Sub(quiet) > 2*time.Second {
				return wire, late, nil
			}
		default:
		}
	}
}

// readRing decodes the ringbuffer out of a guest's memory.
func readRing(ctx context.Context, mem io.ReaderAt, size int64) (*ring.Log, error) {
	info, err := ring.FindVMCoreInfo(ctx, mem, size)
	if err != nil {
		return nil, err
	}
	return ring.Decode(ctx, mem, size, info)
}
