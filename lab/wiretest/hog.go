// SPDX-License-Identifier: Apache-2.0

package wiretest

import (
	"fmt"

	"lastpage/dut/child"
)

// hogs starts n processes that do nothing but use a CPU, at the same priority as everything else. The returned function ends them; they end
// with this process too, however that happens.
func hogs(n int) (stop func(), err error) {
	var running []*child.Process
	stop = func() {
		for _, p := range running {
			p.Kill()
		}
	}
	for range n {
		p, err := child.Start([]string{"/bin/sh", "-c", "while :; do :; done"}, nil)
		if err != nil {
			stop()
			return nil, fmt.Errorf("start CPU hog: %w", err)
		}
		running = append(running, p)
	}
	return stop, nil
}
