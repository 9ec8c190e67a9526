// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"lastpage/dut/child"
)

// A QEMU that cannot begin lets go of its monitor before it has ended: what it said counts, and not that the monitor is gone.
func TestDialTellsWhatTheProcessSaid(t *testing.T) {
	name := fmt.Sprintf("lastpage-test-%d", os.Getpid())
	ln, err := net.Listen("unix", "@"+name)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	p, err := child.Start([]string{"/bin/sh", "-c", "sleep 0.3; echo 'the disk is in use' >&2; exit 1"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	if _, err := dial(t.Context(), name, p); err == nil || !strings.Contains(err.Error(), "the disk is in use") {
		t.Errorf("error %v", err)
	}
}
