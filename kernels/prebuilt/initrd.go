// SPDX-License-Identifier: Apache-2.0

package prebuilt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
)

// A newc archive (Documentation/driver-api/early-userspace/buffer-format.rst).
const (
	newcHeader  = 110
	newcTrailer = "TRAILER!!!"
)

// Initrd is an initramfs as the kernel takes it: archives one after the other, of which the last may be compressed. What comes back is not, so
// that more can be put after it; it ends on a multiple of four bytes.
func Initrd(ctx context.Context, data []byte) ([]byte, error) {
	var out []byte
	for unpacked := false; ; {
		data = bytes.TrimLeft(data, "\x00")
		if len(data) == 0 {
			break
		}
		if !bytes.HasPrefix(data, []byte("07070")) {
			if unpacked {
				return nil, errors.New("read initrd: something follows its archives that is none")
			}
			more, err := expand(ctx, data)
			if err != nil {
				return nil, fmt.Errorf("read initrd: %w", err)
			}
			data, unpacked = more, true
			continue
		}
		n, err := newcLen(data)
		if err != nil {
			return nil, fmt.Errorf("read initrd: %w", err)
		}
		out = append(out, data[:n]...)
		out = append(out, make([]byte, -len(out)&3)...)
		data = data[n:]
	}
	if len(out) == 0 {
		return nil, errors.New("read initrd: it is empty")
	}
	return out, nil
}

// newcLen is how long the archive at the beginning of data is, its trailer included.
func newcLen(data []byte) (int, error) {
	at := 0
	for {
		if at+newcHeader > len(data) {
			return 0, fmt.Errorf("the archive is cut at byte %d", at)
		}
		h := data[at : at+newcHeader]
		if m := string(h[:6]); m != "070701" && m != "070702" {
			return 0, fmt.Errorf("byte %d of the archive: no newc header", at)
		}
		size, err1 := strconv.ParseUint(string(h[54:62]), 16, 31)
		name, err2 := strconv.ParseUint(string(h[94:102]), 16, 16)
		if err := errors.Join(err1, err2); err != nil {
			return 0, fmt.Errorf("byte %d of the archive: %w", at, err)
		}
		body := align(at + newcHeader + int(name))
		end := body + int(size)
		if end > len(data) || name == 0 {
			return 0, fmt.Errorf("the archive is cut at byte %d", at)
		}
		if string(data[at+newcHeader:at+newcHeader+int(name)-1]) == newcTrailer {
			return end, nil
		}
		at = align(end)
	}
}

func align(n int) int { return (n + 3) &^ 3 }
