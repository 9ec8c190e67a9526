// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"lastpage/capture/ring"
	"lastpage/harness"
)

func newDmesg() *cobra.Command {
	c := &cobra.Command{
		Use:   "dmesg VMCORE|TRIAL",
		Short: "print the printk ringbuffer of a dump or a trial",
		Long: `Prints the records of the printk ringbuffer as dmesg does, from an ELF vmcore (QEMU's
dump-guest-memory, kdump's /proc/vmcore, a trial's ring.elf) or from a trial's folder.

With --json it prints one document with a line for each record: seq, ts_nsec, facility, level, caller,
flags, state, text (or text_b64 where the bytes are not UTF-8), subsystem, device. Records that were
reserved and never committed when the machine died are listed too; only --json shows them.`,
		Example: `  lastpage dmesg runs/20260101-120000/legacy/trial-001
  lastpage dmesg --json vmcore | jq '.records[] | select(.state=="reserved")'`,
		Args: cobra.ExactArgs(1),
	}
	asJSON := jsonFlag(c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		path := args[0]
		if st, err := os.Stat(path); err == nil && st.IsDir() {
			if err := trial(path); err != nil {
				return err
			}
			path = filepath.Join(path, harness.RingName)
			if !harness.Exists(path) {
				return fmt.Errorf("%s: this trial has no ringbuffer (no %s): its memory could not be read; trial.json says why", args[0], harness.RingName)
			}
		}
		core, err := ring.OpenCore(path)
		if err != nil {
			return err
		}
		defer core.Close()
		log, err := core.Log(cmd.Context())
		if err != nil {
			return fmt.Errorf("read the ringbuffer in %s: %w", path, err)
		}
		for _, p := range log.Problems {
			fmt.Fprintf(cmd.ErrOrStderr(), "lastpage: %s: record %d: %s\n", path, p.Seq, p.Text)
		}
		if *asJSON {
			return ring.WriteJSON(cmd.OutOrStdout(), log)
		}
		return ring.WriteDmesg(cmd.OutOrStdout(), log)
	}
	return c
}
