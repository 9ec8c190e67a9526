// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"lastpage/capture/ring"
	"lastpage/harness"
)

// dumpsRead is what dmesg and ring say of their argument.
const dumpsRead = `Read are: ELF cores (/proc/vmcore, QEMU's dump-guest-memory, makedumpfile -E, a trial's ring.elf),
kdump-compressed dumps (makedumpfile, QEMU; zlib, lzo, snappy, zstd; a split dump by naming all its files),
flattened ones, LiME files, and RAM as it is (physical address = offset); of x86_64, arm64 and riscv64. Files
packed with gzip, xz, zstd or bzip2 are unpacked into a temporary file. "-" is standard input.

Where memory holds two kernels, the one that crashed is meant: --kernel capture is the one that was booted to
save it, and --kernel 0x... the one with a symbol, or a copy of VMCOREINFO, at that address.`

func newDmesg() *cobra.Command {
	c := &cobra.Command{
		Use:   "dmesg VMCORE...|TRIAL",
		Short: "print the printk ringbuffer of a dump or a trial",
		Long: `Prints the records of the printk ringbuffer as dmesg does, from a dump of memory or from a trial's folder.

` + dumpsRead + `

A log that somebody printed is read too: by dmesg (also -x, -r, -d, --json), vmcore-dmesg, makedumpfile,
journalctl -k -o short-monotonic or json, from /dev/kmsg, by this command with --json; and what pstore kept
(ramoops, ERST, EFI): name all its records, in any order, or their folder.

With --json it prints one document with a line for each record: seq, ts_nsec, facility, level, caller,
flags, state, text (or text_b64 where the bytes are not UTF-8), subsystem, device. Records that were
reserved and never committed when the machine died are listed too; only --json shows them.`,
		Example: `  lastpage dmesg runs/20260101-120000/legacy/trial-001
  xzcat core.xz | lastpage dmesg -
  lastpage dmesg /sys/fs/pstore
  lastpage dmesg --json vmcore | jq '.records[] | select(.state=="reserved")'`,
		Args: cobra.MinimumNArgs(1),
	}
	kernel := kernelInMemory(c)
	asJSON := jsonFlag(c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		path, err := ringOf(args)
		if err != nil {
			return err
		}
		log, err := ring.Load(cmd.Context(), path, ring.LoadOptions{Kernel: *kernel, Parts: args[1:], NoConsoles: true})
		if err != nil {
			return err
		}
		remark(cmd, path, log.Notes)
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

// remark says what is odd about a file.
func remark(cmd *cobra.Command, path string, notes []string) {
	for _, n := range notes {
		fmt.Fprintf(cmd.ErrOrStderr(), "lastpage: %s: %s\n", path, n)
	}
}

// kernelInMemory adds --kernel of the commands that read memory.
func kernelInMemory(c *cobra.Command) *string {
	kernel := c.Flags().String("kernel", "", "which kernel of several in memory: crashed (default), capture, or an address 0x...")
	// The error says that the flag is not there: it is.
	_ = c.RegisterFlagCompletionFunc("kernel", fixed("crashed\tthe one that died", "capture\tthe one that was booted to save the memory").complete)
	return kernel
}

// ringOf is the file with the ringbuffer: that of a trial if the argument is a trial's folder.
func ringOf(args []string) (string, error) {
	st, err := os.Stat(args[0])
	if err != nil || !st.IsDir() || !harness.Exists(filepath.Join(args[0], harness.TrialName)) && ring.HoldsRecords(args[0]) {
		return args[0], nil
	}
	if err := trial(args[0]); err != nil {
		return "", err
	}
	if len(args) > 1 {
		return "", errors.New("a trial is one argument, not one of several")
	}
	path := filepath.Join(args[0], harness.RingName)
	if !harness.Exists(path) {
		return "", fmt.Errorf("%s: this trial has no ringbuffer (no %s): its memory could not be read; trial.json says why", args[0], harness.RingName)
	}
	return path, nil
}
