// SPDX-License-Identifier: Apache-2.0

package wiretest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// keep writes the wire of a trial that did not come out as wanted into the user's folder, bytes and times, for somebody to look at.
func (t *test) keep(name string, s *shot) {
	name = strings.ReplaceAll(name, " ", "-")
	var times bytes.Buffer
	fmt.Fprintln(&times, "offset\tbyte\tend_ns")
	for i, b := range s.Wire {
		fmt.Fprintf(&times, "%d\t%d\t%d\n", i, b, s.Ends[i])
	}
	t.write(name+".wire", s.Wire)
	t.write(name+".tsv", times.Bytes())
}

// write puts a file into the user's folder. That it cannot is told and no more: the facts do not depend on it.
func (t *test) write(name string, data []byte) {
	if t.Out == "" {
		return
	}
	err := os.MkdirAll(t.Out, 0o755)
	if err == nil {
		err = os.WriteFile(filepath.Join(t.Out, name), data, 0o644)
	}
	if err != nil {
		t.Tell("cannot keep %s: %v", name, err)
	}
}
