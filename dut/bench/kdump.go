// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"errors"
)

// Kdump is a dump by a crash kernel: ours, which calls a port of this machine and offers /proc/vmcore.
type Kdump struct {
	Receiver `yaml:",inline"`
	Reserve  string `yaml:"reserve" json:"reserve"` // crashkernel=
}

// Check fills in defaults and says what is missing.
func (k *Kdump) Check() error {
	if k.Reserve == "" {
		k.Reserve = "256M"
	}
	return k.Receiver.Check("dump: kdump")
}

// errLives: there is no memory of one who has not died.
var errLives = errors.New("kdump: the machine did not die into its crash kernel, and only that brings its memory")

// Dump implements Dump. The crash kernel has taken over.
func (k *Kdump) Dump(ctx context.Context, dir string) error {
	return k.receive(ctx, "kdump", "crash kernel", dir)
}
