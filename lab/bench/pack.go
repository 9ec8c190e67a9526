// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"strconv"

	"lastpage/dut/bench"
	"lastpage/kernels"
	"lastpage/kernels/plan"
	"lastpage/lab/kind"
)

// drivers are the modules that the dump takes beside the image's own: of a crash kernel's network card, or of memory that is kept.
func (e *Entry) drivers(ctx context.Context, k kind.Kernel, progress io.Writer) ([]string, error) {
	var names []string
	switch d := e.Dump; {
	case d == nil:
	case d.Kdump != nil:
		names = d.Kdump.Drivers
	case d.Pstore != nil:
		names = d.Pstore.Drivers
	case d.RAM != nil:
		names = d.RAM.Drivers
	}
	if len(names) == 0 {
		return nil, nil
	}
	return k.Drivers(ctx, names, progress)
}

// pack makes the initramfs of a trial on s, with more files and what its kind of dump wants in it.
func (e *Entry) pack(s *bench.Setup, img *kernels.Image, p *plan.Plan, drivers []string, more map[string]string) ([]byte, error) {
	extra := map[string]string{}
	maps.Copy(extra, more)
	dir, err := os.MkdirTemp("", "lastpage-pack-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	switch d := s.Dump.(type) {
	case *bench.DumpCommand:
		p.Place = e.Boot.Kexec != nil || e.Boot.Installed != nil // two kernels lie in the memory
	case *bench.Kdump:
		err = e.crash(d, img, p, drivers, dir, extra)
	case *bench.Pstore:
		p.Pstore = &plan.Pstore{Modules: []string{}, Params: d.Params()}
		for _, m := range drivers {
			at := path.Join(plan.PstoreFolder, filepath.Base(m))
			p.Pstore.Modules, extra[at] = append(p.Pstore.Modules, at), m
		}
		reader := nothing(p.RunID)
		reader.Report = plan.ReportConsole
		reader.Pstore = &plan.Pstore{Modules: p.Pstore.Modules, Params: p.Pstore.Params, Read: true}
		d.Initrd, err = archive(img, reader, extra)
	case *bench.RAM:
		p.Place = true
		d.Initrd, err = receiving(&d.Receiver, true, img, p.RunID, drivers)
	}
	if err != nil {
		return nil, err
	}
	return archive(img, p, extra)
}

// crash puts a crash kernel into an initramfs.
func (e *Entry) crash(d *bench.Kdump, img *kernels.Image, p *plan.Plan, drivers []string, dir string, extra map[string]string) error {
	initrd, err := receiving(&d.Receiver, false, img, p.RunID, drivers)
	if err != nil {
		return fmt.Errorf("the crash kernel: %w", err)
	}
	file := filepath.Join(dir, "initrd")
	if err := os.WriteFile(file, initrd, 0o644); err != nil {
		return err
	}
	p.Kdump = &plan.Kdump{Kernel: plan.CrashKernel, Initrd: plan.CrashInitrd,
		Cmdline: "console=ttyS0," + strconv.Itoa(e.Baud) + " irqpoll nr_cpus=1 reset_devices"}
	extra[plan.CrashKernel], extra[plan.CrashInitrd] = img.Vmlinuz, file
	return nil
}

// receiving is the initramfs of a kernel that offers the memory of the one before, over the network.
func receiving(v *bench.Receiver, kept bool, img *kernels.Image, runID string, drivers []string) ([]byte, error) {
	p := nothing(runID)
	p.Offer = v.Offer(kept)
	other := *img
	other.Probe, other.Modules = "", append(other.Modules[:len(other.Modules):len(other.Modules)], drivers...)
	return archive(&other, p, nil)
}

// nothing is a plan that provokes nothing.
func nothing(runID string) *plan.Plan {
	p := plan.Default(runID, 1)
	p.Backlog, p.Provoke, p.Start, p.Doorbell = 0, plan.ProvokeNone, plan.StartNone, plan.Doorbell{}
	return p
}

func archive(img *kernels.Image, p *plan.Plan, extra map[string]string) ([]byte, error) {
	var b bytes.Buffer
	err := kernels.WriteInitramfs(&b, img, p, extra)
	return b.Bytes(), err
}
