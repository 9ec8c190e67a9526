// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"lastpage/kernels/plan"
)

// pstoreFolder is where the kernel shows what was kept.
const pstoreFolder = "/sys/fs/pstore"

// loadPstore has the kernel keep the end of its log.
func loadPstore(s *plan.Pstore) error {
	for i, m := range s.Modules {
		params := ""
		if i == len(s.Modules)-1 {
			params = s.Params
		}
		if err := load(m, params); err != nil {
			return err
		}
	}
	return nil
}

// tellKept sends what the kernel before has kept, and removes it.
func tellKept(ctl *control) error {
	if err := syscall.Mount("pstore", pstoreFolder, "pstore", 0, ""); err != nil && err != syscall.EBUSY {
		return fmt.Errorf("mount pstore: %w", err)
	}
	all, err := os.ReadDir(pstoreFolder)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return errors.New("nothing was kept: the kernel before did not panic, or the reset cleared the memory")
	}
	for _, e := range all {
		path := filepath.Join(pstoreFolder, e.Name())
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for at := 0; ; {
			piece := data[at:min(len(data), at+plan.MaxPiece)]
			if err := ctl.send(&plan.Message{Event: plan.EventKept, Text: e.Name(), At: int64(at), Data: piece}); err != nil {
				return err
			}
			if len(piece) == 0 {
				break
			}
			at += len(piece)
		}
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return ctl.send(&plan.Message{Event: plan.EventDone})
}
