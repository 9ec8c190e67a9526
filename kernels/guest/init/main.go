// SPDX-License-Identifier: Apache-2.0

// Command init is process 1 of the machine under test. It sets the machine up as the plan in its initramfs says, reads every
// setting back, reports "armed" over the control channel, and sets the probe off. It does not write to the console under test,
// unless the plan says that its report goes there, and then not after it has set the probe off: its standard files are /dev/null and
// /dev/kmsg, and its own errors go over the control channel, or to /dev/kmsg without one.
//
// In a crash kernel it does something else: it offers the memory of the kernel that died (plan.Offer).
//
// It is compiled on the machine that runs lastpage, at first use, with nothing but the standard library.
package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"syscall"

	"lastpage/kernels/plan"
)

func main() {
	// A calm process: its timers and threads are part of what the machine does while it is measured.
	debug.SetGCPercent(-1)
	runtime.GOMAXPROCS(1)
	var ctl control
	if err := run(&ctl); err != nil {
		ctl.fail(err)
	}
	for {
		syscall.Pause()
	}
}

func run(ctl *control) error {
	if err := mount(); err != nil {
		return err
	}
	f, err := os.Open(plan.Path)
	if err != nil {
		return err
	}
	p, err := plan.Parse(f)
	f.Close()
	if err != nil {
		return err
	}
	modules, err := moduleList()
	if err != nil {
		return err
	}
	for _, m := range modules {
		if err := load(m, ""); err != nil {
			return err
		}
	}
	if p.Offer != nil {
		return offer(p.Offer)
	}
	if p.Pstore != nil {
		if err := loadPstore(p.Pstore); err != nil {
			return err
		}
	}
	if err := ctl.open(p.Report); err != nil {
		return err
	}
	if p.Pstore != nil && p.Pstore.Read {
		return tellKept(ctl)
	}
	armed, err := arm(p)
	if err != nil {
		return err
	}
	if p.KmsgDump {
		if err := dumpKmsg(ctl, false); err != nil {
			return err
		}
	}
	if err := ctl.send(armed); err != nil {
		return err
	}
	if err := ring(plan.Armed, 0); err != nil {
		return err
	}
	switch p.Start {
	case plan.StartCommand:
		if err := ctl.wait(plan.Go); err != nil {
			return err
		}
		fallthrough
	case plan.StartAuto:
		if p.NoProbe {
			break
		}
		if err := poke("run", "1"); err != nil {
			return err
		}
	}
	if !p.NoProbe {
		if err := poke("wait", "1"); err != nil {
			return err
		}
	}
	if p.Run != nil {
		ran, err := provoke(p)
		if err == nil {
			err = ctl.send(ran)
		}
		if err != nil {
			return err
		}
	}
	if p.KmsgDump {
		if err := dumpKmsg(ctl, true); err != nil {
			return err
		}
	}
	if ctl.silent() {
		return nil
	}
	return ctl.send(&plan.Message{Event: plan.EventDone})
}
