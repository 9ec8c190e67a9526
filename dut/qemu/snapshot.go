// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"context"
	"fmt"
	"os"
	"time"

	"lastpage/dut"
	"lastpage/dut/child"
	"lastpage/dut/qemu/vuart"
	"lastpage/kernels/plan"
)

// snapshot is a guest that stands at the instant it rang ARMED: its RAM, its devices, the UART, and all it had said until then. It lives
// in memory only. Trials from one snapshot are compared with each other and with nothing else.
type snapshot struct {
	id      string
	users   int // under the pool's lock
	ram     *RAM
	page    *os.File // copy of the UART's page
	devices *os.File // QEMU's own devices and clocks
	wire    []byte
	ends    []int64
	events  []dut.Event
	said    []plan.Message
	info    infoCache
	copied  bool // each guest gets a copy of the RAM: this machine does not let us read a view
}

// armLimit bounds the boot, in virtual time. Debian's largest kernel takes 15 s.
const armLimit = 300 * time.Second

// take boots p until it is armed.
func (b *Pool) take(ctx context.Context, p Payload) (s *snapshot, err error) {
	l, err := b.launch(ctx, p, nil)
	if err != nil {
		return nil, err
	}
	defer l.close()
	if err := l.Arm([]dut.Trigger{
		{Name: "armed", When: dut.AtEvent, Code: plan.Armed, N: 1, Do: dut.Stop},
		{Name: "limit", When: dut.AtTime, N: int64(armLimit), Do: dut.Stop},
	}); err != nil {
		return nil, err
	}
	end, err := l.Run(ctx)
	if err != nil {
		return nil, err
	}
	if end.Firing != 0 {
		return nil, fmt.Errorf("the boot was stopped by trigger %d before the guest was armed", end.Firing)
	}
	if void := l.audit().Void; len(void) > 0 {
		return nil, fmt.Errorf("the boot is void: %v", void)
	}
	s = &snapshot{}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	s.wire = l.log.Bytes(0, l.log.Len())
	for i := range s.wire {
		ns, _ := l.log.TimeAt(int64(i))
		s.ends = append(s.ends, ns)
	}
	s.events = l.allEvents()
	if s.page, err = child.Memfd("lastpage-uart-snapshot", 0); err != nil {
		return nil, err
	}
	if err := l.page.Copy(s.page); err != nil {
		return nil, err
	}
	if s.devices, err = child.Memfd("lastpage-devices", 0); err != nil {
		return nil, err
	}
	if err := l.machine.saveDevices(ctx, s.devices); err != nil {
		return nil, err
	}
	s.copied = !readable(l.machine.proc.PID())
	// The process must be gone before its RAM is taken over: nobody writes to it any more.
	s.ram, l.ram = l.ram, nil
	l.close()
	s.said = l.heard()
	_, _ = s.info.find(ctx, s.ram.memory) // here it costs least; who needs it says why it is not there
	return s, nil
}

// restore puts a snapshot's memory into l.
func (l *live) restore(s *snapshot) (err error) {
	if s.copied {
		l.ram, err = s.ram.clone()
	} else {
		l.ram, err = s.ram.private()
	}
	if err != nil {
		return err
	}
	f, err := child.Memfd("lastpage-uart", 0)
	if err != nil {
		return err
	}
	st, err := s.page.Stat()
	if err == nil {
		err = f.Truncate(st.Size())
	}
	if err == nil {
		err = copySparse(f, s.page, st.Size())
	}
	if err != nil {
		f.Close()
		return fmt.Errorf("copy uart page: %w", err)
	}
	if l.page, err = vuart.Map(f); err != nil {
		return err
	}
	l.events = append([]dut.Event(nil), s.events...)
	if err := l.log.Append(s.wire, s.ends...); err != nil {
		return err
	}
	l.boot.look(l.log, l.events)
	return nil
}

func (s *snapshot) close() {
	for _, f := range []*os.File{s.page, s.devices} {
		if f != nil {
			f.Close()
		}
	}
	if s.ram != nil {
		s.ram.Close()
	}
}
