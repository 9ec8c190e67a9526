// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"context"
	"io"
)

// textLog reads a log that is text already. ok is false where the bytes, of which head is the beginning, are no such text.
func textLog(_ context.Context, _ []byte, _ io.ReaderAt, _ int64) (log *Log, ok bool, err error) {
	return nil, false, nil
}
