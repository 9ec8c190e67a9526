// SPDX-License-Identifier: Apache-2.0

package qemu_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// guestsOf lists the QEMUs with a guest that a process has started, whichever of its threads forked them (proc(5), task/TID/children).
func guestsOf(pid int) (guests []int) {
	files, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/children")
	for _, f := range files {
		text, _ := os.ReadFile(f) // a thread that has ended has no children
		for _, word := range strings.Fields(string(text)) {
			if child, err := strconv.Atoi(word); err == nil && isGuest(child) {
				guests = append(guests, child)
			}
		}
	}
	return guests
}

// isGuest: the process lives, and is a QEMU with a guest of ours. A zombie has no command line.
func isGuest(pid int) bool {
	argv, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	return err == nil && strings.Contains(string(argv), "\x00-name\x00lastpage\x00")
}

// alive gives those of the processes that are guests still.
func alive(pids []int) (left []int) {
	for _, pid := range pids {
		if isGuest(pid) {
			left = append(left, pid)
		}
	}
	return left
}
