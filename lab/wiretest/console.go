// SPDX-License-Identifier: Apache-2.0

package wiretest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"lastpage/capture/wire"
	"lastpage/dut/child"
	"lastpage/dut/qemu"
	"lastpage/dut/vuart"
)

// console is a guest whose serial line we are the far end of: what it sends is in log and recs, what we send goes out at the guest's own rate.
type console struct {
	proc *child.Process
	page *vuart.Page
	log  *wire.Log

	mu   sync.Mutex
	recs []vuart.Rec // index = offset in log
	quit chan struct{}
	done chan struct{}
	err  error // of the drain, valid after done
}

// machine is what a console boots.
type machine struct {
	spec   qemu.Spec
	initrd []byte
	bios   string // instead of a kernel
	page   vuart.Config
}

// openConsole starts the guest. Its receiver is looked after every 2 ms of host time, so the trial is not repeatable; nothing else differs.
func openConsole(ctx context.Context, m machine) (c *console, err error) {
	plugin, err := vuart.Build(ctx)
	if err != nil {
		return nil, err
	}
	var files []*os.File
	defer func() {
		for _, f := range files {
			f.Close()
		}
	}()
	give := func(f *os.File) string {
		files = append(files, f)
		return fmt.Sprintf("/proc/self/fd/%d", 2+len(files))
	}
	ram, err := memfd("ram", int64(m.spec.MemMiB)<<20)
	if err != nil {
		return nil, err
	}
	m.spec.RAM = give(ram)
	if m.initrd != nil {
		f, err := memfd("initrd", 0)
		if err != nil {
			return nil, err
		}
		m.spec.Initrd = give(f)
		if _, err := f.Write(m.initrd); err != nil {
			return nil, err
		}
	}
	f, err := memfd("page", 0)
	if err != nil {
		return nil, err
	}
	page, err := vuart.Init(f, m.page)
	if err != nil {
		return nil, err
	}
	dup, err := os.Open(fmt.Sprintf("/proc/self/fd/%d", page.File().Fd())) // ours to close
	if err != nil {
		page.Close()
		return nil, err
	}
	m.spec.Plugin = vuart.Args(plugin, give(dup), vuart.Live)
	m.spec.QMP = fmt.Sprintf("lastpage-wiretest-%d-%d", os.Getpid(), time.Now().UnixNano())
	proc, err := child.Start(m.argv(), files)
	if err != nil {
		page.Close()
		return nil, err
	}
	c = &console{proc: proc, page: page, log: wire.NewLog(wire.Virtual, wire.Frame{Baud: int(m.page.Base), Bits: 10}),
		quit: make(chan struct{}), done: make(chan struct{})}
	go c.drain()
	return c, nil
}

// argv is the board's command line, but the guest runs at once: nothing has to be set up over the monitor before.
func (m *machine) argv() []string {
	argv := slices.DeleteFunc(m.spec.Argv(), func(a string) bool { return a == "-S" })
	if m.bios != "" {
		i := slices.Index(argv, "-kernel")
		argv = append(argv[:i], append([]string{"-bios", m.bios}, argv[i+2:]...)...)
	}
	return argv
}

func memfd(name string, size int64) (*os.File, error) {
	fd, err := unix.MemfdCreate("lastpage-wiretest-"+name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("memfd %s: %w", name, err)
	}
	f := os.NewFile(uintptr(fd), name)
	return f, f.Truncate(size)
}

func (c *console) drain() {
	defer close(c.done)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		last := false
		select {
		case <-c.quit:
			last = true
		case <-c.proc.Done():
			last = true
		case <-tick.C:
		}
		var data []byte
		var ends []int64
		_, err := c.page.Drain(func(recs []vuart.Rec) {
			c.mu.Lock()
			defer c.mu.Unlock()
			for _, r := range recs {
				if r.Data() {
					data, ends = append(data, r.Byte), append(ends, r.EndNS)
					c.recs = append(c.recs, r)
				}
			}
		})
		if err == nil {
			err = c.log.Append(data, ends...)
		}
		if err != nil || last {
			c.err = err
			c.log.Close(err)
			return
		}
	}
}

// send puts bytes on the guest's receive line, back to back as long as the queue is not empty.
func (c *console) send(ctx context.Context, data []byte) error {
	for len(data) > 0 {
		n := min(len(data), c.page.RXFree())
		items := make([]vuart.RX, n)
		for i := range items {
			items[i].Byte = data[i]
		}
		if n > 0 {
			if err := c.page.PushRX(items...); err != nil && !errors.Is(err, vuart.ErrFull) {
				return err
			} else if err == nil {
				data = data[n:]
			}
		}
		if len(data) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-c.proc.Done():
			return c.proc.Failure()
		case <-time.After(time.Millisecond):
		}
	}
	return nil
}

// expect waits for text behind offset from.
func (c *console) expect(ctx context.Context, from int64, text string) (wire.Match, error) {
	m, err := wire.Expect(ctx, c.log, from, wire.Literal(text))
	if err != nil {
		n := c.log.Len()
		return m, fmt.Errorf("%w; the last of the console: %.300q", err, c.log.Bytes(max(from, n-300), n))
	}
	return m, nil
}

// between are the frames from offset a to b.
func (c *console) between(a, b int64) []vuart.Rec {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.recs[a:min(b, int64(len(c.recs)))])
}

// close ends the guest and gives the UART's account of itself. What we send is looked for in host time, so the UART's timer is armed when the
// host gets round to it: its lateness says nothing here.
func (c *console) close() vuart.Stats {
	c.proc.Kill()
	select {
	case <-c.quit:
	default:
		close(c.quit)
	}
	<-c.done
	s := c.page.Stats()
	s.LateMaxNS = 0
	c.page.Close()
	return s
}
