// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// LoadOptions say how a file is read.
type LoadOptions struct {
	// Kernel chooses where memory holds several: "" or "crashed", "capture", or "0x...", the address of a copy of VMCOREINFO or of a
	// symbol in it.
	Kernel string
	// Parts are the other files of a split dump, or other records of pstore, in any order.
	Parts []string
	// NoConsoles: the consoles are not looked for.
	NoConsoles bool
}

// Load reads the log that a file holds, whatever the file is: memory in any container that is known, or text. "-" is standard input. Packed
// files are unpacked.
func Load(ctx context.Context, path string, o LoadOptions) (*Log, error) {
	d, err := OpenDump(ctx, path, o)
	if err != nil {
		return nil, err
	}
	defer func() { _ = d.Close() }()
	log, err := d.Log(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the ringbuffer in %s: %w", path, err)
	}
	return log, nil
}

// OpenDump opens what Load reads.
func OpenDump(ctx context.Context, path string, o LoadOptions) (*Dump, error) {
	if _, err := parseKernel(o.Kernel); err != nil {
		return nil, err
	}
	d := &Dump{opts: o}
	names, err := partFiles(append([]string{path}, o.Parts...))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	var files []sized
	for _, name := range names {
		in, err := openInput(ctx, name)
		if err == nil {
			in, err = unpack(ctx, in)
		}
		if in != nil {
			d.closers = append(d.closers, in)
			files = append(files, in)
		}
		if err != nil {
			_ = d.Close()
			if path := (*os.PathError)(nil); errors.As(err, &path) && path.Path == name {
				return nil, err // which names the file and what was done with it
			}
			return nil, fmt.Errorf("open %s: %w", name, err)
		}
	}
	if err := d.recognise(ctx, files, names); err != nil {
		_ = d.Close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return d, nil
}

// sized is a file of a known size that is read at random.
type sized interface {
	io.ReaderAt
	Size() int64 // bytes
}

// How the containers begin.
const (
	elfMagic  = "\x7fELF"
	kdMagic   = "KDUMP   "
	diskMagic = "DISKDUMP"
	rawRAM    = "raw RAM" // has no beginning of its own
)

// recognise finds out by its first bytes what the file is.
func (d *Dump) recognise(ctx context.Context, files []sized, names []string) error {
	flat := false
	for i, r := range files {
		head, err := headOf(r)
		if err != nil {
			return err
		}
		if !isFlattened(head) {
			continue
		}
		f, err := newFlattened(ctx, r)
		if err != nil {
			return err
		}
		files[i], flat, d.cut = f, true, f.cut
	}
	head, err := headOf(files[0])
	if err != nil {
		return err
	}
	r := files[0]
	split := false
	begins := func(magic string) bool { return bytes.HasPrefix(head, []byte(magic)) }
	switch {
	case len(head) == 0:
		return d.because(errors.New("the file is empty"))
	case begins(kdMagic), begins(diskMagic):
		split = true
		d.kind = "kdump-compressed"
		if begins(diskMagic) {
			d.kind = "diskdump"
		}
		var k *kdump
		if k, err = newKdump(ctx, files, names); err == nil {
			d.mem, d.note = k, k.note
			d.lacks(k.cut)
			if k.odd != "" {
				d.notes = append(d.notes, k.odd)
			}
		}
	case begins(elfMagic):
		d.kind = "ELF core"
		var c *Core
		if c, err = NewCore(r, r.Size()); err == nil {
			d.mem, d.note = c, c.note
			d.lacks(c.cut)
		}
	case begins(limeMagic):
		d.kind = "LiME"
		var c *Core
		if c, err = newLiME(ctx, r); err == nil {
			d.mem = c
			d.lacks(c.cut)
		}
	default:
		if err := d.other(ctx, head, files, names); err != nil {
			return err
		}
	}
	if flat {
		d.kind = "flattened " + d.kind
	}
	if err == nil && !split && d.text == nil && len(files) > 1 {
		err = errors.New("only a split kdump-compressed dump and records of pstore are in several files")
	}
	return d.because(err)
}

// lacks takes in what is missing of the container inside.
func (d *Dump) lacks(cut string) {
	if d.cut == "" {
		d.cut = cut
	}
}

// other is for files that do not begin as a container does: text, or memory as it is.
func (d *Dump) other(ctx context.Context, head []byte, files []sized, names []string) error {
	if err := refused(head); err != nil {
		return err
	}
	r := files[0]
	if len(files) > 1 || strings.HasSuffix(names[0], packedPart) {
		log, err := joinFiles(ctx, files, names)
		d.text, d.kind = log, "pstore"
		return err
	}
	log, ok, err := textLog(ctx, head, r, r.Size())
	if err != nil {
		return err
	}
	if ok {
		d.text, d.kind = log, log.Witness.Kind
		return nil
	}
	d.kind, d.mem = rawRAM, r
	return nil
}

// headBytes is how much of a file is looked at to tell what it is.
const headBytes = 4096

func headOf(r sized) ([]byte, error) {
	head := make([]byte, headBytes)
	n, err := r.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return head[:n], nil
}

// refused names what is no dump that we read, and the way out.
func refused(head []byte) error {
	for _, k := range []struct{ magic, what string }{
		{"QFI\xfb", "a qcow2 image, not a dump: take one with dump-guest-memory"},
		{"MDMP", "a minidump, not a Linux vmcore"},
		{"PAGEDU", "a Windows dump: use dump-guest-memory without the win-dmp format"},
		{"LibvirtQemudSave", "a guest that `virsh save` or `virsh dump` stored as QEMU's state: take the dump with `virsh dump --memory-only`"},
		{"LibvirtQemudPart", "a guest that libvirt did not finish to store: take a dump with `virsh dump --memory-only`"},
		{"QEVM", "QEMU's migration state, not a dump: take one with dump-guest-memory"},
		{"AVML", "an AVML image: convert it with `avml-convert` to LiME"},
		{"VLMA", "an AVML image: convert it with `avml-convert` to LiME"},
		{"\xd2\xbe\xd2\xbe", "a VMware state file: give the .vmem file beside it"},
		{"\xd0\xbe\xd2\xbe", "a VMware state file: give the .vmem file beside it"},
		{"\xd1\xba\xd1\xba", "a VMware state file: give the .vmem file beside it"},
		{"XEN\x00", "a Xen save file: dump the guest with `xl dump-core`"},
	} {
		if bytes.HasPrefix(head, []byte(k.magic)) {
			return errors.New(k.what)
		}
	}
	return nil
}
