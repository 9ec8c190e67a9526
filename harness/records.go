// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"
	"fmt"

	"lastpage/capture/wire"
	"lastpage/harness/grade"
)

// Records reads a trial's folder: every visible record, and what became of it. Without a ringbuffer there are those that were on the wire.
func Records(ctx context.Context, dir string) ([]grade.Record, error) {
	t, err := LoadTrial(dir)
	if err != nil {
		return nil, err
	}
	log, info, err := wire.LoadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("records of %s: %w", dir, err)
	}
	rl, why := t.ring(ctx)
	in := t.input(log, rl, why)
	in.WireFinished = info.Finished
	return grade.Records(in), nil
}
