// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"bytes"
	"slices"

	"lastpage/harness"
	"lastpage/kernels"
)

// initramfs is one that was put together for a plan.
type initramfs struct {
	plan []byte
	data []byte // never changed
}

// keepInitramfs are a scenario's reference and its trials.
const keepInitramfs = 2

// initramfs is what the guest of o gets. Files of the user's are read for each trial: they may change.
func (b *bench) initramfs(o *harness.Order) ([]byte, error) {
	files := map[string]string{}
	for _, f := range o.Files {
		files[f.Guest] = f.From
	}
	encoded, err := o.Plan.Encode()
	if err != nil {
		return nil, err
	}
	ours := len(files) == 0 && b.img.Initrd == "" && len(b.img.Modules) == 0
	if ours {
		if data := b.packed(encoded); data != nil {
			return data, nil
		}
	}
	var w bytes.Buffer
	if err := kernels.WriteInitramfs(&w, b.img, o.Plan, files); err != nil {
		return nil, err
	}
	if ours {
		b.pack(initramfs{encoded, w.Bytes()})
	}
	return w.Bytes(), nil
}

// packed is the one of that plan; nil: it is not there.
func (b *bench) packed(encoded []byte) []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, i := range b.initrds {
		if bytes.Equal(i.plan, encoded) {
			return i.data
		}
	}
	return nil
}

func (b *bench) pack(i initramfs) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.initrds) == keepInitramfs {
		b.initrds = slices.Delete(b.initrds, 0, 1)
	}
	b.initrds = append(b.initrds, i)
}
