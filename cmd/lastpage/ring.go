// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/spf13/cobra"

	"lastpage/capture/ring"
)

func newRing() *cobra.Command {
	var out string
	var force bool
	c := &cobra.Command{
		Use:   "ring VMCORE...",
		Short: "shrink a dump to the small core that holds the ringbuffer alone",
		Long: `Writes an ELF core with the pages that a reader of the printk ringbuffer needs, some hundred KiB: for a bug report.
vmcore-dmesg and makedumpfile --dump-dmesg read it as they read the whole dump.

` + dumpsRead,
		Example: `  lastpage ring vmcore -o ring.elf`,
		Args:    cobra.MinimumNArgs(1),
	}
	c.Flags().StringVarP(&out, "out", "o", "", "file to write")
	c.Flags().BoolVar(&force, "force", false, "write over a file that is there")
	kernel := kernelInMemory(c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if out == "" {
			return errors.New("where to? give --out FILE")
		}
		switch st, err := os.Lstat(out); {
		case err == nil && st.IsDir():
			return fmt.Errorf("--out %s: it is a folder", out)
		case err == nil && !force:
			return fmt.Errorf("--out %s is there already: choose another, or say --force", out)
		}
		path, err := ringOf(args)
		if err != nil {
			return err
		}
		d, err := ring.OpenDump(cmd.Context(), path, ring.LoadOptions{Kernel: *kernel, Parts: args[1:]})
		if err != nil {
			return err
		}
		defer d.Close()
		rd, err := d.Open(cmd.Context())
		if err != nil {
			return fmt.Errorf("read the ringbuffer in %s: %w", path, err)
		}
		remark(cmd, path, d.Notes())
		if err := rd.SaveCore(cmd.Context(), out); errors.Is(err, syscall.ENOSPC) {
			return fmt.Errorf("%w: nothing is left of it; make room, or choose another --out", err)
		} else if err != nil {
			return err
		}
		return nil
	}
	return c
}
