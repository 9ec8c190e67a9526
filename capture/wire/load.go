package wire

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
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
		l := NewLog(NoClock, Frame{})
		l.add(data, nil)
		l.Close(nil)
		return l, Info{Why: "no index: the bytes have no times and nothing says that they are all"}, nil
	}
	d := &decoder{r: bufio.NewReader(idx)}
	l, info, err := d.decode(data)
	if err != nil {
		return nil, Info{}, fmt.Errorf("read wire index at %d: %w", d.off, err)
	}
	return l, info, nil
}

type decoder struct {
	r       *bufio.Reader
	off     int64  // of the next index byte
	sum     uint32 // of the index bytes so far
	last    int64
	nominal int64
}

// ReadByte implements io.ByteReader for encoding/binary.
func (d *decoder) ReadByte() (byte, error) {
	c, err := d.r.ReadByte()
	if err != nil {
		return 0, err
	}
	d.off++
	d.sum = crc32.Update(d.sum, crc32.IEEETable, []byte{c})
	return c, nil
}

func (d *decoder) time() (int64, error) {
	v, err := binary.ReadVarint(d)
	if err != nil {
		return 0, err
	}
	t := d.last + d.nominal + v
	if t < d.last || v > 1<<62 || v < -1<<62 || t > 1<<62 {
		return 0, fmt.Errorf("time %+d ns after %d ns", v, d.last)
	}
	d.last = t
	return t, nil
}

func (d *decoder) decode(data []byte) (*Log, Info, error) {
	l, err := d.header()
	if err != nil {
		return nil, Info{}, err
	}
	var info Info
	for {
		done, why, err := d.record(l, data)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
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
	var magic [len(idxMagic)]byte
	for i := range magic {
		c, err := d.ReadByte()
		if err != nil {
			return nil, fmt.Errorf("header is cut: %w", io.ErrUnexpectedEOF)
		}
		magic[i] = c
	}
	if string(magic[:7]) != idxMagic[:7] {
		return nil, fmt.Errorf("not a wire index: starts with %q", magic[:])
	}
	if magic[7] != idxMagic[7] {
		return nil, fmt.Errorf("wire index of version %d, this program reads %d", magic[7], idxMagic[7])
	}
	var v [3]uint64
	for i := range v {
		var err error
		if v[i], err = binary.ReadUvarint(d); err != nil {
			return nil, fmt.Errorf("header is cut: %w", io.ErrUnexpectedEOF)
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
	tag, err := binary.ReadUvarint(d)
	if err != nil {
		return false, "", err
	}
	n, kind := tag>>2, tag&3
	left := uint64(int64(len(data)) - l.n)
	const short = "wire.bin ends before its index does"
	switch kind {
	case recTimes:
		for ; n > 0; n-- {
			t, err := d.time()
			if err != nil {
				return false, "", err
			}
			if left == 0 {
				return true, short, nil
			}
			l.add(data[l.n:l.n+1], []int64{t})
			l.last = t
			left--
		}
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
		count, err := binary.ReadUvarint(d)
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

func (d *decoder) trailer(l *Log, n uint64, data []byte) (bool, string, error) {
	if n != 0 {
		return false, "", fmt.Errorf("unknown record %d", n)
	}
	length, err := binary.ReadUvarint(d)
	if err != nil {
		return false, "", err
	}
	wireSum, err := d.uint32()
	if err != nil {
		return false, "", err
	}
	have := d.sum
	idxSum, err := d.uint32()
	if err != nil {
		return false, "", err
	}
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
	if _, err := d.r.ReadByte(); !errors.Is(err, io.EOF) {
		return false, "", errors.New("bytes behind the trailer")
	}
	return true, "", nil
}

func (d *decoder) uint32() (uint32, error) {
	var b [4]byte
	for i := range b {
		c, err := d.ReadByte()
		if err != nil {
			return 0, err
		}
		b[i] = c
	}
	return binary.LittleEndian.Uint32(b[:]), nil
}
