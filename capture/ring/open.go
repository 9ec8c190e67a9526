// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"context"
)

// LoadOptions say how a file is read.
type LoadOptions struct {
	// Kernel chooses where memory holds several: "" or "crashed", "capture", or "0x...", the address of a copy of VMCOREINFO or of a
	// symbol in it.
	Kernel string
}

// Load reads the log that a file holds, whatever the file is.
func Load(ctx context.Context, path string, _ LoadOptions) (*Log, error) {
	c, err := OpenCore(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	log, err := c.Log(ctx)
	if err != nil {
		return nil, err
	}
	log.Witness = Witness{Kind: "ELF core"}
	return log, nil
}
