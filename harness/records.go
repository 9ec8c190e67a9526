// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"

	"lastpage/harness/grade"
)

// Records reads a trial's folder: every visible record, and what became of it. Without a ringbuffer there are those that were on the wire.
func Records(ctx context.Context, dir string) (visible []grade.Place, err error) {
	t, err := LoadTrial(dir)
	if err != nil {
		return nil, err
	}
	in, err := t.evidence(ctx)
	if err != nil {
		return nil, err
	}
	_, all := grade.Places(in)
	for _, p := range all {
		if p.Visible {
			visible = append(visible, p)
		}
	}
	return visible, nil
}
