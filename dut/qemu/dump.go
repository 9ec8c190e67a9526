// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"context"
	"path/filepath"
	"sync"

	"lastpage/capture/ring"
	"lastpage/dut"
)

// infoCache is the VMCOREINFO that all guests of one snapshot have in common; with KASLR each boot has its own.
type infoCache struct {
	mu   sync.Mutex
	info *ring.VMCoreInfo
}

// find looks it up in the guest's memory the first time.
func (c *infoCache) find(ctx context.Context, ram memory) (*ring.VMCoreInfo, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.info != nil {
		return c.info, nil
	}
	info, err := ring.FindVMCoreInfo(ctx, ram, ram.Size())
	if err == nil {
		c.info = info
	}
	return info, err
}

// dump saves the ringbuffer's pages as an ELF core. The machine must stand.
func (l *live) dump(ctx context.Context, dir string) error {
	info, err := l.info.find(ctx, l.ram.memory)
	if err != nil {
		return err
	}
	r, err := ring.Open(ctx, l.ram.memory, l.ram.Size(), info)
	if err != nil {
		return err
	}
	return r.SaveCore(ctx, filepath.Join(dir, dut.DumpName))
}

// ring decodes the ringbuffer out of the standing machine's memory.
func (l *live) ring(ctx context.Context) (*ring.Log, error) {
	info, err := l.info.find(ctx, l.ram.memory)
	if err != nil {
		return nil, err
	}
	return ring.Decode(ctx, l.ram.memory, l.ram.Size(), info)
}
