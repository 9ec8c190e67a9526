// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

const (
	limeMagic  = "EMiL"
	limeHeader = 32 // magic, version, first and last physical address, reserved
)

// newLiME reads the headers of a LiME file: each is followed by the memory that it names.
func newLiME(ctx context.Context, r sized) (*Core, error) {
	c := &Core{r: r, file: r.Size()}
	h := make([]byte, limeHeader)
	for at := uint64(0); at < uint64(c.file); {
		n, err := r.ReadAt(h, int64(at))
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if n < limeHeader {
			c.cut = fmt.Sprintf("the file is truncated: it ends at byte %d, inside a header: copy it again", c.file)
			break
		}
		version, first, last := binary.LittleEndian.Uint32(h[4:]), binary.LittleEndian.Uint64(h[8:]), binary.LittleEndian.Uint64(h[16:])
		switch {
		case string(h[:4]) != limeMagic || version != 1:
			return nil, fmt.Errorf("a LiME file, but at byte %d there is no header of version 1", at)
		case last < first || last >= maxPhys:
			return nil, fmt.Errorf("a LiME file whose header at byte %d tells of physical 0x%x to 0x%x", at, first, last)
		case len(c.segs) == maxSegments:
			return nil, fmt.Errorf("a LiME file with more than %d ranges", maxSegments)
		case len(c.segs)%4096 == 0 && ctx.Err() != nil:
			return nil, ctx.Err()
		}
		at += limeHeader
		size := last - first + 1
		if left := uint64(c.file) - at; size > left {
			c.cut = fmt.Sprintf("the file is truncated: a range wants bytes up to %d, it ends at %d: copy it again", at+size, c.file)
			size = left
		}
		if size > 0 {
			c.segs = append(c.segs, segment{phys: first, off: at, size: size})
		}
		at += size
	}
	if len(c.segs) == 0 {
		return nil, errors.New("a LiME file without any memory: " + c.cut)
	}
	c.arrange()
	return c, nil
}
