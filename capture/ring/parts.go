// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// maxPart bounds one record of pstore, bytes: the largest in use are some MiB (ramoops).
const maxPart = 16 << 20

// maxInflated bounds how much more text a compressed record has: a log's is about seven times as long.
const maxInflated = 100

// packedPart ends the name of a record that a kernel could not unpack.
const packedPart = ".enc.z"

// erstMagic begins the file in which QEMU keeps what ERST stores.
const erstMagic = "ERSTSTOR"

// ramoopsMagic begins the line that ramoops puts before a record: "====1795660000.123456-C", C for compressed.
const ramoopsMagic = "===="

// efiMagic is how efivarfs begins the file of a variable: its attributes, which are these for what pstore wrote.
const efiMagic = "\x07\x00\x00\x00"

// LoadParts reads a log that is in several files: records of pstore in any order, a folder of them (/sys/fs/pstore), or a split dump.
func LoadParts(ctx context.Context, paths []string, o LoadOptions) (*Log, error) {
	if len(paths) == 0 {
		return nil, errors.New("read a log: no file is given")
	}
	o.Parts = append(o.Parts, paths[1:]...)
	return Load(ctx, paths[0], o)
}

// HoldsRecords says whether a folder holds records of pstore, whose files are called dmesg-<backend>-<id>, or the EFI variables that hold
// them (dump-type0-...).
func HoldsRecords(dir string) bool { return len(recordFiles(dir)) > 0 }

func recordFiles(dir string) []string {
	quoted := strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
	var files []string
	for _, name := range [...]string{"dmesg-*", "dump-type0-*"} {
		in, _ := filepath.Glob(filepath.Join(quoted, name)) // the pattern is good
		files = append(files, in...)
	}
	return files
}

// joinFiles makes a log of files that are records of pstore.
func joinFiles(ctx context.Context, files []sized, names []string) (*Log, error) {
	var all []part
	total := int64(0)
	for i, f := range files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if total += f.Size(); f.Size() > maxPart || total > maxText || len(all) > maxParts {
			return nil, fmt.Errorf("%s: a record of pstore has at most %d bytes, and at most %d bytes of them are joined", names[i], maxPart, maxText)
		}
		b, err := io.ReadAll(io.NewSectionReader(f, 0, f.Size()))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", names[i], err)
		}
		got, err := recordParts(b, names[i])
		if err != nil {
			return nil, fmt.Errorf("%s, as a record of pstore: %w", names[i], err)
		}
		all = append(all, got...)
	}
	return joinParts(ctx, all)
}

// partFiles puts a folder's records of pstore in its place.
func partFiles(paths []string) ([]string, error) {
	var files []string
	for _, p := range paths {
		st, err := os.Stat(p)
		if err != nil || !st.IsDir() {
			files = append(files, p) // whoever opens it says what is wrong
			continue
		}
		in := recordFiles(p)
		if len(in) == 0 {
			return nil, fmt.Errorf("%s is a directory without records of pstore (dmesg-*, dump-type0-*)", p)
		}
		files = append(files, in...)
	}
	return files, nil
}

// recordParts gives the parts that a file of pstore holds: mostly one.
func recordParts(b []byte, path string) ([]part, error) {
	if bytes.HasPrefix(b, []byte(erstMagic)) {
		return erstParts(b, path)
	}
	b = bytes.TrimPrefix(b, []byte(efiMagic))
	if line, rest, ok := bytes.Cut(b, []byte{'\n'}); ok && bytes.HasPrefix(line, []byte(ramoopsMagic)) { // as ramoops has it in memory
		b = rest
	}
	if len(b) == 0 {
		return nil, errors.New("it is empty")
	}
	all, err := partsOf(b, path)
	if len(all) > 0 || err != nil {
		return all, err
	}
	plain, err := inflate(b)
	if err != nil && isText(b[:min(len(b), 4096)]) {
		err = fmt.Errorf("it does not begin like one (\"Panic#1 Part1\"), but with %q", b[:min(len(b), 16)])
	}
	if err != nil {
		return nil, err
	}
	return partsOf(plain, path)
}

// inflate unpacks a record that the kernel that found it could not: deflate, with or without the frame of zlib.
func inflate(b []byte) ([]byte, error) {
	for _, open := range [...]func() (io.ReadCloser, error){
		func() (io.ReadCloser, error) { return flate.NewReader(bytes.NewReader(b)), nil },
		func() (io.ReadCloser, error) { return zlib.NewReader(bytes.NewReader(b)) },
	} {
		r, err := open()
		if err != nil {
			continue
		}
		// A record may be padded, and its stream may lack its end: what counts is that a part begins.
		out, _ := io.ReadAll(io.LimitReader(r, min(maxPart, int64(len(b))*maxInflated)))
		if line, _, ok := bytes.Cut(out, []byte{'\n'}); ok {
			if _, ok := parsePart(line); ok {
				return out, nil
			}
		}
	}
	return nil, errors.New("it is compressed, and not with deflate (lzo, lz4, 842 or zstd: pstore.compress of the kernel that wrote it): a kernel that has that algorithm shows it as text")
}

// Offsets in a record of ERST, bytes: struct cper_record_header and the descriptor of its one section (include/linux/cper.h).
const (
	cperSection = 128
	cperData    = cperSection + 72
)

// erstParts reads QEMU's backing file of ERST: slots of equal size, of which those in use begin with "CPER".
func erstParts(b []byte, path string) ([]part, error) {
	if len(b) < 32 {
		return nil, errors.New("an ERST storage that ends inside its header")
	}
	le := binary.LittleEndian
	slot, start := int(le.Uint32(b[8:])), int(le.Uint32(b[12:]))
	if slot < 4096 || slot > maxPart || start < 32 {
		return nil, fmt.Errorf("an ERST storage with records of %d bytes from %d on: that cannot be", slot, start)
	}
	var all []part
	for at := start; at+cperData <= len(b); at += slot {
		r := b[at:min(len(b), at+slot)]
		if !bytes.HasPrefix(r, []byte("CPER")) || len(r) < cperData {
			continue
		}
		from, n := int(le.Uint32(r[cperSection:])), int(le.Uint32(r[cperSection+4:]))
		if from < cperData || from > len(r) || n > len(r)-from {
			return nil, fmt.Errorf("the ERST record at byte %d: a section of %d bytes at %d cannot be", at, n, from)
		}
		got, err := recordParts(r[from:from+n], "")
		if err != nil {
			continue // a machine check, or another program's record
		}
		for i := range got {
			got[i].from = fmt.Sprintf("%s at byte %d", path, at)
		}
		all = append(all, got...)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%w: an ERST storage without a record of the kernel's log", ErrNotLog)
	}
	return all, nil
}
