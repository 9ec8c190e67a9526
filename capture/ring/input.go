// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// input is a file that can be read at random and knows its holes.
type input struct {
	f    *os.File
	size int64
}

// maxInput bounds what is read from a pipe or unpacked, bytes.
const maxInput = 1 << 40

// openInput opens a file. What cannot be read at random ("-" for standard input, a pipe) is copied into a temporary file that has no name.
func openInput(ctx context.Context, path string) (*input, error) {
	f := os.Stdin
	if path != "-" {
		var err error
		if f, err = os.Open(path); err != nil {
			return nil, err
		}
	}
	in, err := newInput(ctx, f)
	if (err != nil || in.f != f) && path != "-" {
		_ = f.Close()
	}
	return in, err
}

func newInput(ctx context.Context, f *os.File) (*input, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	switch mode := st.Mode(); {
	case mode.IsDir():
		return nil, errors.New("it is a directory")
	case mode.IsRegular():
		return &input{f: f, size: st.Size()}, nil
	case mode&os.ModeDevice != 0 && mode&os.ModeCharDevice == 0:
		size, err := f.Seek(0, io.SeekEnd)
		return &input{f: f, size: size}, err
	}
	return spool(ctx, f, maxInput)
}

// spool copies a stream of at most so many bytes into a file without a name. Pages of zero become holes.
func spool(ctx context.Context, r io.Reader, most int64) (*input, error) {
	f, err := os.CreateTemp("", "lastpage-")
	if err != nil {
		return nil, fmt.Errorf("copy to a temporary file: %w", err)
	}
	in := &input{f: f}
	if err = os.Remove(f.Name()); err == nil {
		in.size, err = sparse(ctx, f, r, most)
	}
	if err == nil {
		err = f.Truncate(in.size)
	}
	if err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.ENOSPC) {
			err = fmt.Errorf("copy to a temporary file: %w: name a folder that has room in TMPDIR", err)
		}
		return nil, err
	}
	return in, nil
}

// sparse copies all but pages of zero, and gives the number of bytes.
func sparse(ctx context.Context, f *os.File, r io.Reader, most int64) (int64, error) {
	buf := make([]byte, 1<<20)
	for size := int64(0); ; {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		n, err := fill(r, buf)
		if int64(n) > most-size {
			return 0, fmt.Errorf("more than %d bytes: that is more than such a file can hold", most)
		}
		for at := 0; at < n; {
			end := at
			for end < n && !isZero(buf[end:min(n, end+pageSize)]) {
				end = min(n, end+pageSize)
			}
			if end > at {
				if _, err := f.WriteAt(buf[at:end], size+int64(at)); err != nil {
					return 0, err
				}
			}
			at = min(n, end+pageSize)
		}
		size += int64(n)
		switch {
		case err == io.EOF: //nolint:errorlint // one that wraps it is the error of a stream that was cut
			return size, nil
		case err != nil:
			return size, err
		}
	}
}

// fill reads until buf is full. Unlike io.ReadFull it gives the reader's own error: a packed stream that was cut is not one that ends.
func fill(r io.Reader, buf []byte) (n int, err error) {
	for n < len(buf) && err == nil {
		var m int
		m, err = r.Read(buf[n:])
		n += m
	}
	return n, err
}

// nothing is a page of zero.
var nothing [pageSize]byte

// isZero: b is at most a page.
func isZero(b []byte) bool { return bytes.Equal(b, nothing[:len(b)]) }

func (in *input) ReadAt(p []byte, off int64) (int, error) { return in.f.ReadAt(p, off) }

// Size is in bytes.
func (in *input) Size() int64 { return in.size }

// Close closes the file, but not standard input.
func (in *input) Close() error {
	if in.f == os.Stdin {
		return nil
	}
	return in.f.Close()
}

// next finds data after holes of the file.
func (in *input) next(off int64) (start, end int64, ok bool) { return data(in.f, in.size, off) }

// data finds the first stretch of data at or after off, bytes.
func data(f *os.File, size, off int64) (start, end int64, ok bool) {
	start, err := unix.Seek(int(f.Fd()), off, unix.SEEK_DATA)
	if errors.Is(err, syscall.ENXIO) {
		return 0, 0, false
	}
	if err != nil {
		return off, size, off < size // a file system without holes
	}
	if end, err = unix.Seek(int(f.Fd()), start, unix.SEEK_HOLE); err != nil {
		end = size
	}
	return start, end, true
}
