// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"
	"errors"

	"lastpage/capture/wire"
)

// tap copies a board's wire to disk while it grows. When the log is closed and everything is copied, the capture is made whole; when ctx
// ends first it stays unfinished, with every byte that came until then.
func tap(ctx context.Context, log *wire.Log, w *wire.Writer) error {
	var n int64
	for {
		err := log.Wait(ctx, n+1)
		if err != nil && !errors.Is(err, wire.ErrClosed) {
			return errors.Join(err, w.Abandon())
		}
		data := log.Bytes(n, log.Len())
		ends := make([]int64, len(data))
		for i := range ends {
			ends[i], _ = log.TimeAt(n + int64(i))
		}
		if werr := w.Append(data, ends...); werr != nil {
			if aerr := w.Abandon(); !errors.Is(aerr, werr) { // which remembers a write that failed
				return errors.Join(werr, aerr)
			}
			return werr
		}
		n += int64(len(data))
		if err != nil && n == log.Len() {
			return w.Close()
		}
	}
}
