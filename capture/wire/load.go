// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// MaxCapture bounds the bytes that Load takes into memory (six hours at
// 115200 baud; a trial is a few MB).
const MaxCapture = 256 << 20

// Info says in what state a loaded capture is.
type Info struct {
	Finished bool   // the trailer is there and both checksums agree
	Why      string // why it is not finished, in words
	Timed    int64  // bytes from the start that have a time
}

// LoadDir reads the capture of a trial's folder. Without an index it is read
// as a bare wire file.
func LoadDir(dir string) (*Log, Info, error) {
	idx := filepath.Join(dir, IdxName)
	if _, err := os.Stat(idx); errors.Is(err, os.ErrNotExist) {
		idx = ""
	}
	return LoadFiles(filepath.Join(dir, BinName), idx)
}

// LoadFiles reads a capture from its two files. An empty idx means that there
// is none: the log then has NoClock and is never Finished, because nothing
// says where it ends.
func LoadFiles(bin, idx string) (*Log, Info, error) {
	b, err := os.Open(bin)
	if err != nil {
		return nil, Info{}, fmt.Errorf("load wire: %w", err)
	}
	defer b.Close()
	var ir io.Reader
	if idx != "" {
		i, err := os.Open(idx)
		if err != nil {
			return nil, Info{}, fmt.Errorf("load wire index: %w", err)
		}
		defer i.Close()
		ir = i
	}
	l, info, err := Load(b, ir)
	if err != nil {
		return nil, Info{}, fmt.Errorf("load %s: %w", bin, err)
	}
	return l, info, nil
}

// Load reads a capture; idx may be nil. The log it returns is closed. A
// truncated tail of either file is no error: Info says that the capture is
// unfinished, and bytes beyond the index have no time. A malformed index is an
// error that names its offset.
func Load(bin, idx io.Reader) (*Log, Info, error) {
	data, err := io.ReadAll(io.LimitReader(bin, MaxCapture+1))
	if err != nil {
		return nil, Info{}, fmt.Errorf("read wire bytes: %w", err)
	}
	if len(data) > MaxCapture {
		return nil, Info{}, fmt.Errorf("read wire bytes: more than %d", MaxCapture)
	}
	if idx == nil {
		return bare(data, "no index: the bytes have no times and nothing says that they are all")
	}
	// Every byte of wire takes at most 10 bytes of index, or it is a long row of
	// marks.
	limit := 10*int64(len(data)) + maxMarks
	index, err := io.ReadAll(io.LimitReader(idx, limit+1))
	if err != nil {
		return nil, Info{}, fmt.Errorf("read wire index: %w", err)
	}
	if int64(len(index)) > limit {
		return nil, Info{}, fmt.Errorf("read wire index: more than %d bytes for %d bytes of wire", limit, len(data))
	}
	d := &decoder{b: index}
	l, info, err := d.decode(data)
	if errors.Is(err, errHeader) {
		return bare(data, "the index has not even its header: the writer was killed as it began")
	}
	if err != nil {
		return nil, Info{}, fmt.Errorf("read wire index at %d: %w", d.off, err)
	}
	return l, info, nil
}

var errHeader = errors.New("header is cut")

func bare(data []byte, why string) (*Log, Info, error) {
	l := NewLog(NoClock, Frame{})
	l.add(data, nil)
	l.Close(nil)
	return l, Info{Why: why}, nil
}

// maxMarks bounds the bytes of index that hold no byte of wire.
const maxMarks = 1 << 20

type decoder struct {
	b       []byte
	off     int // of the next byte
	last    int64
	nominal int64
	ends    []int64
}

// take returns the next n bytes.
func (d *decoder) take(n int) ([]byte, error) {
	if len(d.b)-d.off < n {
		return nil, io.ErrUnexpectedEOF
	}
	d.off += n
	return d.b[d.off-n : d.off], nil
}

func (d *decoder) uint() (uint64, error) {
	v, n := binary.Uvarint(d.b[d.off:])
	return v, d.skip(n)
}

func (d *decoder) skip(n int) error {
	switch {
	case n == 0:
		return io.ErrUnexpectedEOF
	case n < 0:
		return errors.New("a number of more than 64 bits")
	}
	d.off += n
	return nil
}

func (d *decoder) time() (int64, error) {
	v, n := binary.Varint(d.b[d.off:])
	if n > 0 {
		t := d.last + d.nominal + v
		if t < d.last || v > 1<<62 || v < -1<<62 || t > 1<<62 {
			return 0, fmt.Errorf("time %+d ns after %d ns", v, d.last)
		}
		d.last = t
	}
	return d.last, d.skip(n)
}

func (d *decoder) decode(data []byte) (*Log, Info, error) {
	l, err := d.header()
	if err != nil {
		return nil, Info{}, err
	}
	var info Info
	for {
		done, why, err := d.record(l, data)
		if errors.Is(err, io.ErrUnexpectedEOF) {
			done, why, err = true, "no trailer: the writer was killed or the files were cut", nil
		}
		if err != nil {
			return nil, Info{}, err
		}
		if done {
			info = Info{Finished: why == "", Why: why, Timed: l.n}
			break
		}
	}
	if rest := data[l.n:]; len(rest) > 0 {
		l.add(rest, nil)
	}
	l.Close(nil)
	return l, info, nil
}

func (d *decoder) header() (*Log, error) {
	magic, err := d.take(len(idxMagic))
	if err != nil {
		if !strings.HasPrefix(idxMagic, string(d.b)) {
			return nil, fmt.Errorf("not a wire index: %d bytes, %q", len(d.b), d.b)
		}
		return nil, errHeader
	}
	if string(magic[:7]) != idxMagic[:7] {
		d.off = 0
		return nil, fmt.Errorf("not a wire index: starts with %q", magic)
	}
	if magic[7] != idxMagic[7] {
		return nil, fmt.Errorf("wire index of version %d, this program reads %d", magic[7], idxMagic[7])
	}
	var v [3]uint64
	for i := range v {
		if v[i], err = d.uint(); errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, errHeader
		} else if err != nil {
			return nil, err
		}
	}
	clock := Virtual
	switch v[0] {
	case clockVirtual:
	case clockMonotonic:
		clock = Monotonic
	default:
		return nil, fmt.Errorf("unknown clock %d", v[0])
	}
	if v[1] > 1<<31 || v[2] > 64 {
		return nil, fmt.Errorf("impossible line: %d baud, %d bits a frame", v[1], v[2])
	}
	f := Frame{Baud: int(v[1]), Bits: int(v[2])}
	d.nominal = f.ByteNS()
	return NewLog(clock, f), nil
}

// record takes one record; why is not empty when the capture is unfinished.
func (d *decoder) record(l *Log, data []byte) (done bool, why string, err error) {
	tag, err := d.uint()
	if err != nil {
		return false, "", err
	}
	n, kind := tag>>2, tag&3
	left := uint64(int64(len(data)) - l.n)
	switch kind {
	case recTimes:
		return d.times(l, data, n)
	case recChunk:
		t, err := d.time()
		if err != nil {
			return false, "", err
		}
		if n > left {
			why, n = short, left
		}
		l.last = t
		l.add(data[l.n:l.n+int64(n)], []int64{t})
		return why != "", why, nil
	case recMark:
		t, err := d.time()
		if err != nil {
			return false, "", err
		}
		count, err := d.uint()
		if err != nil {
			return false, "", err
		}
		if n == 0 || n > 255 {
			return false, "", fmt.Errorf("mark of unknown kind %d", n)
		}
		l.last = t
		l.marks = append(l.marks, Mark{Off: l.n, NS: t, Kind: MarkKind(n), Count: count})
	case recTrailer:
		return d.trailer(l, n, data)
	}
	return false, "", nil
}

// times takes a record of n bytes with a time each. What is there of it counts,
// also when the rest is missing or wrong.
func (d *decoder) times(l *Log, data []byte, n uint64) (done bool, why string, err error) {
	left := uint64(int64(len(data)) - l.n)
	d.ends = d.ends[:0]
	for ; n > 0; n-- {
		var t int64
		if t, err = d.time(); err != nil {
			break
		}
		if left == 0 {
			done, why = true, short
			break
		}
		d.ends = append(d.ends, t)
		left--
	}
	if k := int64(len(d.ends)); k > 0 {
		l.last = d.ends[k-1]
		l.add(data[l.n:l.n+k], d.ends)
	}
	return done, why, err
}

const short = "wire.bin ends before its index does"

func (d *decoder) trailer(l *Log, n uint64, data []byte) (bool, string, error) {
	if n != 0 {
		return false, "", fmt.Errorf("unknown record %d", n)
	}
	length, err := d.uint()
	if err != nil {
		return false, "", err
	}
	sums, err := d.take(8)
	if err != nil {
		return false, "", err
	}
	wireSum, idxSum := binary.LittleEndian.Uint32(sums), binary.LittleEndian.Uint32(sums[4:])
	have := crc32.ChecksumIEEE(d.b[:d.off-4])
	if have != idxSum {
		return false, "", fmt.Errorf("the index is damaged: checksum %08x, computed %08x", idxSum, have)
	}
	if length != uint64(l.n) {
		return false, "", fmt.Errorf("the trailer counts %d bytes, the records %d", length, l.n)
	}
	if l.n < int64(len(data)) {
		return false, "", fmt.Errorf("wire.bin has %d bytes, its index ends at %d", len(data), l.n)
	}
	if got := crc32.ChecksumIEEE(data); got != wireSum {
		return false, "", fmt.Errorf("wire.bin is damaged: checksum %08x, computed %08x", wireSum, got)
	}
	if d.off < len(d.b) {
		return false, "", errors.New("bytes after the trailer")
	}
	return true, "", nil
}
