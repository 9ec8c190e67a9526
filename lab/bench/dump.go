// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"errors"

	"lastpage/dut/bench"
)

// make checks the dump and makes a trial's own, for s, whose loader and buttons are made.
func (d *Dump) make(s *bench.Setup) (bench.Dump, error) {
	kinds := 0
	for _, there := range []bool{d.Command != nil, d.Kdump != nil, d.Pstore != nil, d.RAM != nil} {
		if there {
			kinds++
		}
	}
	switch {
	case kinds != 1:
		return nil, errors.New("dump: want exactly one of command, kdump, pstore and ram")
	case d.Command != nil:
		c := *d.Command
		return &c, c.Check()
	case d.Kdump != nil:
		return d.Kdump, d.Kdump.Check()
	case s.Reset == nil:
		return nil, errors.New("dump: pstore and ram want reset:, a button that leaves the memory as it is")
	case d.Pstore != nil:
		if err := d.Pstore.Check(); err != nil { // the entry's own: its defaults are on the command line too
			return nil, err
		}
		p := *d.Pstore
		if own, ok := s.Boot.(interface{ Spare(word string) }); ok {
			own.Spare(p.Cmdline())
		}
		return &p, nil
	}
	if u, ok := s.Boot.(*bench.UBoot); !ok || u.Start != "zboot" {
		return nil, errors.New("dump: ram wants boot: u-boot with start: zboot, of which is known what it overwrites")
	}
	if err := d.RAM.Check(); err != nil {
		return nil, err
	}
	r := *d.RAM
	return &r, nil
}
