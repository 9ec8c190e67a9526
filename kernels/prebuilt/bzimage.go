// SPDX-License-Identifier: Apache-2.0

package prebuilt

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"lastpage/kernels/store"
)

// BzImage is what its own header says of a kernel for a PC (Documentation/arch/x86/boot.rst).
type BzImage struct {
	Version string // whole: release, builder, number and time of the build
	Release string // as uname -r will say
	payload []byte // compressed
}

// Offsets in a bzImage. The protocol has had all of them since 2.08 (2008).
const (
	atSetupSects = 0x1f1
	atMagic      = 0x202
	atProtocol   = 0x206
	atVersion    = 0x20e // from 0x200 on
	atPayload    = 0x248 // from the end of the setup code on; then its length
	headerEnd    = 0x250
	protocol     = 0x208
)

// maxVersion bounds the text of a version; the kernel's own buffer is shorter.
const maxVersion = 512

// ReadBzImage reads a file.
func ReadBzImage(path string) (*BzImage, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read image: %w", err)
	}
	b, err := parseBzImage(data)
	if err != nil {
		return nil, fmt.Errorf("read image %s: %w", path, err)
	}
	return b, nil
}

func parseBzImage(data []byte) (*BzImage, error) {
	if len(data) < headerEnd || string(data[atMagic:atMagic+4]) != "HdrS" {
		return nil, fmt.Errorf("%s; wanted is a kernel for a PC that can be booted: arch/x86/boot/bzImage of a build, a vmlinuz, or a linux-image .deb", guess(data))
	}
	if p := binary.LittleEndian.Uint16(data[atProtocol:]); p < protocol {
		return nil, fmt.Errorf("its boot protocol is %d.%02d, that of a kernel of before 2008", p>>8, p&0xff)
	}
	b := new(BzImage)
	if at := int(binary.LittleEndian.Uint16(data[atVersion:])); at > 0 && 0x200+at < len(data) {
		text := data[0x200+at : min(len(data), 0x200+at+maxVersion)]
		if end := bytes.IndexByte(text, 0); end >= 0 {
			b.Version = string(text[:end])
		}
	}
	b.Release, _, _ = strings.Cut(b.Version, " ")
	if b.Release == "" || strings.ContainsFunc(b.Release, func(r rune) bool { return r <= ' ' || r > '~' || r == '/' }) {
		return nil, errors.New("its header names no release (kernel_version at 0x20e)")
	}
	setup := int64(data[atSetupSects])
	if setup == 0 {
		setup = 4
	}
	from := (setup+1)*512 + int64(binary.LittleEndian.Uint32(data[atPayload:]))
	to := from + int64(binary.LittleEndian.Uint32(data[atPayload+4:]))
	if to > int64(len(data)) || from >= to {
		return nil, fmt.Errorf("it is cut: %d bytes, its header speaks of %d", len(data), to)
	}
	b.payload = data[from:to]
	return b, nil
}

// guess says what a file is that is no bzImage.
func guess(data []byte) string {
	switch {
	case bytes.HasPrefix(data, []byte("\x7fELF")):
		return "it is an ELF file, as vmlinux is"
	case bytes.HasPrefix(data, []byte("\xed\xab\xee\xdb")):
		return "it is an RPM package: unpack its vmlinuz (rpm2cpio FILE | cpio -id)"
	case len(data) > 0x3c && string(data[0x38:0x3c]) == "ARM\x64":
		return "it is an Image for arm64"
	}
	return "it is no bzImage"
}

// Marks around the configuration in a kernel that was built with CONFIG_IKCONFIG (kernel/configs.c).
var ikconfigBegin, ikconfigEnd = []byte("IKCFG_ST"), []byte("IKCFG_ED")

// ErrNoConfig: the kernel does not carry its configuration.
var ErrNoConfig = errors.New("the image does not carry its configuration (CONFIG_IKCONFIG)")

// Config is the configuration that the image carries, or ErrNoConfig.
func (b *BzImage) Config(ctx context.Context) ([]byte, error) {
	vmlinux, err := expand(ctx, b.payload)
	if err != nil {
		return nil, fmt.Errorf("unpack image: %w", err)
	}
	_, rest, found := bytes.Cut(vmlinux, ikconfigBegin)
	packed, _, ended := bytes.Cut(rest, ikconfigEnd)
	if !found || !ended {
		return nil, ErrNoConfig
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("read the image's configuration: %w", err)
	}
	defer z.Close()
	text, err := io.ReadAll(io.LimitReader(z, maxConfig))
	if err != nil {
		return nil, fmt.Errorf("read the image's configuration: %w", err)
	}
	return text, nil
}

const maxConfig = 8 << 20 // bytes; Debian's has 0.3 MB

// packers are the compressions of kernels and initramfs images, by their first bytes, and who undoes them.
var packers = []struct {
	magic string
	argv  []string
}{
	{"\x1f\x8b", []string{"gzip", "-dc"}},
	{"\x28\xb5\x2f\xfd", []string{"zstd", "-dc"}},
	{"\xfd7zXZ\x00", []string{"xz", "-dc"}},
	{"\x5d\x00\x00", []string{"xz", "--format=lzma", "-dc"}},
	{"\x02\x21\x4c\x18", []string{"lz4", "-dc"}},
	{"\x04\x22\x4d\x18", []string{"lz4", "-dc"}},
	{"BZh", []string{"bzip2", "-dc"}},
	{"\x89LZO", []string{"lzop", "-dc"}},
}

// expand undoes a compression. A kernel's payload ends with four bytes of length, which the tools call garbage: what they gave is taken.
func expand(ctx context.Context, data []byte) ([]byte, error) {
	if bytes.HasPrefix(data, []byte("\x7fELF")) {
		return data, nil
	}
	for _, p := range packers {
		if !bytes.HasPrefix(data, []byte(p.magic)) {
			continue
		}
		cmd := store.Command(ctx, "", p.argv...)
		var out, errs bytes.Buffer
		cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(data), &out, &errs
		if err := cmd.Run(); err != nil && out.Len() == 0 {
			return nil, fmt.Errorf("run %s: %w: %s", p.argv[0], err, strings.TrimSpace(errs.String()))
		}
		return out.Bytes(), ctx.Err()
	}
	return nil, fmt.Errorf("unknown compression (it begins with %x)", data[:min(6, len(data))])
}
