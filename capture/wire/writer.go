// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
)

// Names of the two files of a capture in a trial's folder.
const (
	BinName = "wire.bin"
	IdxName = "wire.idx"
)

// Writer puts a capture on disk while it is made. Every Append is written
// through to the kernel before it returns, so a killed process loses nothing
// it was given; only Close makes the capture whole.
type Writer struct {
	bin, idx *os.File
	enc      *encoder
	clock    Clock
	n        int64
	sum      uint32
	err      error // the first one; the files end there
}

// Create starts a capture in dir, which must not hold one yet.
func Create(dir string, clock Clock, f Frame) (*Writer, error) {
	if clock != Virtual && clock != Monotonic {
		return nil, fmt.Errorf("create capture in %s: no index for clock %q", dir, clock)
	}
	bin, err := os.OpenFile(filepath.Join(dir, BinName), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, fmt.Errorf("create capture: %w", err)
	}
	idx, err := os.OpenFile(filepath.Join(dir, IdxName), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		_ = bin.Close()
		_ = os.Remove(bin.Name())
		return nil, fmt.Errorf("create capture: %w", err)
	}
	w := &Writer{bin: bin, idx: idx, clock: clock, enc: newEncoder(clock, f)}
	if err := w.flush(); err != nil {
		return nil, errors.Join(err, bin.Close(), idx.Close())
	}
	return w, nil
}

// Append adds bytes with one time each, or one time for all (see Log.Append).
func (w *Writer) Append(data []byte, ends ...int64) error {
	if w.err != nil || len(data) == 0 {
		return w.err
	}
	if err := checkTimes(w.clock, w.n, w.enc.last, len(data), ends); err != nil {
		return err
	}
	if _, err := w.bin.Write(data); err != nil {
		return w.fail(err)
	}
	w.n += int64(len(data))
	w.sum = crc32.Update(w.sum, crc32.IEEETable, data)
	w.enc.bytes(len(data), ends)
	return w.flush()
}

// AddMark adds a mark before the next byte.
func (w *Writer) AddMark(m Mark) error {
	if w.err != nil {
		return w.err
	}
	if m.NS < w.enc.last {
		return fmt.Errorf("write mark %v at %d: clock ran back from %d to %d ns", m.Kind, w.n, w.enc.last, m.NS)
	}
	w.enc.mark(m)
	return w.flush()
}

func (w *Writer) flush() error {
	if _, err := w.idx.Write(w.enc.take()); err != nil {
		return w.fail(err)
	}
	return nil
}

func (w *Writer) fail(err error) error {
	w.err = fmt.Errorf("write capture at byte %d: %w", w.n, err)
	return w.err
}

// Close writes the trailer that makes the capture whole and closes the files.
// After a failed write the capture stays unfinished.
func (w *Writer) Close() error {
	if w.err == nil {
		if err := w.bin.Sync(); err != nil {
			_ = w.fail(err)
		} else {
			w.enc.trailer(w.n, w.sum)
			if w.flush() == nil {
				if err := w.idx.Sync(); err != nil {
					_ = w.fail(err)
				}
			}
		}
	}
	return errors.Join(w.err, w.bin.Close(), w.idx.Close())
}

// Abandon closes the files without the trailer: the capture stays unfinished.
func (w *Writer) Abandon() error {
	return errors.Join(w.err, w.bin.Close(), w.idx.Close())
}
