// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"context"
	"fmt"
	"time"
)

// Wait polls the ringbuffer until match says yes to a stored record with seq from or later, and returns it. lost counts records
// that were overwritten before they could be seen: a record that was waited for may have been one of them. match sees records
// in the order of seq; those after one that is not finalized yet are shown again at the next poll.
//
// poll is the time between two looks. A look without news costs two small reads.
func (r *Reader) Wait(ctx context.Context, from uint64, poll time.Duration, match func(*Record) bool) (rec Record, lost uint64, err error) {
	tick := time.NewTicker(max(poll, time.Microsecond))
	defer tick.Stop()
	for {
		log, err := r.Since(ctx, from)
		if err != nil {
			return Record{}, lost, fmt.Errorf("wait for a record: %w", err)
		}
		if len(log.Records) > 0 && log.Records[0].Seq > from {
			lost += log.Records[0].Seq - from
			from = log.Records[0].Seq
		}
		final := true
		for i := range log.Records {
			got := &log.Records[i]
			if got.State.Stored() && match(got) {
				return *got, lost, nil
			}
			if final = final && (got.State == Finalized || got.State == Reusable); final {
				from = got.Seq + 1
				if got.State == Reusable {
					lost++
				}
			}
		}
		select {
		case <-ctx.Done():
			return Record{}, lost, fmt.Errorf("wait for a record: %w", ctx.Err())
		case <-tick.C:
		}
	}
}
