// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"time"

	"lastpage/capture/wire"
)

// Netboot is a board that boots from its network by itself: files are put into its server's folder, it gets its power, and nothing is typed.
type Netboot struct {
	Folder string `yaml:"folder" json:"folder"` // of the TFTP or HTTP server, where we may write
	// File is what the board's loader asks for, in Folder: pxelinux.cfg/01-52-54-00-12-34-56, boot.scr.uimg. It is ours: it is written for
	// each trial and removed.
	File string `yaml:"file" json:"file"`
	// Text is what is in it. {kernel} and {initrd} become the names of the trial's files in Folder, {cmdline} its command line.
	Text string `yaml:"text" json:"text"`
	// Script wraps the text as U-Boot wants the scripts that it fetches; what its shell would take for its own is escaped in the command line.
	Script bool `yaml:"u-boot-script" json:"u_boot_script,omitempty"`
	// Last is what the loader says last, before the kernel; "": nothing that is known.
	Last string `yaml:"last" json:"last,omitempty"`
	// Says is what the loader says first after a reset; "": nothing that could be told from a kernel's words.
	Says   string        `yaml:"banner" json:"banner,omitempty"`
	Within time.Duration `yaml:"within" json:"within_ns"` // from the power to Last

	served served
}

// netbootLimit is the default: firmware that looks for other devices first, DHCP, and two files.
const netbootLimit = 3 * time.Minute

// Check fills in defaults and says what is missing.
func (n *Netboot) Check() error {
	if n.Within == 0 {
		n.Within = netbootLimit
	}
	switch {
	case n.Folder == "":
		return errors.New("boot: netboot: want folder:, that of the TFTP or HTTP server")
	case n.File == "" || !filepath.IsLocal(n.File):
		return fmt.Errorf("boot: netboot: file %q: want the file in folder: that the board's loader asks for", n.File)
	case n.Within < 0:
		return errors.New("boot: netboot: within: want a time above 0, such as 3m")
	}
	for _, word := range []string{"{kernel}", "{initrd}", "{cmdline}"} {
		if !strings.Contains(n.Text, word) {
			return fmt.Errorf("boot: netboot: text: want %s in it", word)
		}
	}
	return nil
}

// Prepare implements Loader.
func (n *Netboot) Prepare(p *Payload) (any, error) {
	f, err := n.served.put(n.Folder, p)
	if err != nil {
		return nil, err
	}
	cmdline := p.Cmdline
	if n.Script {
		cmdline = escape(cmdline)
	}
	text := []byte(strings.NewReplacer("{kernel}", f.kernel.name, "{initrd}", f.initrd.name, "{cmdline}", cmdline).Replace(n.Text))
	if n.Script {
		text = script(text)
	}
	path := filepath.Join(n.Folder, n.File)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("the server's folder: %w", err)
	}
	if there, err := os.ReadFile(path); err == nil && !bytes.Contains(there, []byte("lastpage-")) {
		return nil, fmt.Errorf("the server's folder: %s is there and was not made by a trial: it would be written over and removed; move it away", path)
	}
	n.served.files = append(n.served.files, path)
	if err := os.WriteFile(path, text, 0o644); err != nil {
		return nil, fmt.Errorf("the server's folder: %w", err)
	}
	return nil, nil
}

// Boot implements Loader: the board does it alone. What comes after the loader's last words is not its own.
func (n *Netboot) Boot(ctx context.Context, l *line, _ any, from int64) (int64, error) {
	last := n.Last
	if last == "" {
		last = n.Says // what comes after that is not its own, or a reset
	}
	if last == "" {
		return from, nil
	}
	m, err := l.expect(ctx, from, n.Within, wire.Literal(last))
	if err == nil {
		return m.End, nil
	}
	said := l.log.Bytes(from, l.log.Len())
	if len(said) == 0 {
		return 0, noByte("netboot", n.Within)
	}
	return 0, fmt.Errorf("netboot: the loader did not say %q: %w; %s: look at last: and banner:, whether folder: is the server's own, and whether the loader asks for %s",
		last, err, reason(said[max(0, len(said)-lastWords):]), n.File)
}

// lastWords bytes at the end of what a loader said are looked at for an error.
const lastWords = 4 << 10

// Clean implements Loader.
func (n *Netboot) Clean() error { return n.served.remove() }

// Banner implements Loader.
func (n *Netboot) Banner() string { return n.Says }

// script is text as an image that U-Boot's source command runs: a header of 64 bytes with two sums, and the lengths of the scripts in it
// (include/image.h, tools/mkimage.c).
func script(text []byte) []byte {
	const (
		magic   = 0x27051956
		linux   = 5 // the operating system
		kind    = 6 // a script
		nothing = 0 // compression
	)
	data := binary.BigEndian.AppendUint32(nil, uint32(len(text)))
	data = append(binary.BigEndian.AppendUint32(data, 0), text...)
	h := make([]byte, 64)
	binary.BigEndian.PutUint32(h, magic)
	binary.BigEndian.PutUint32(h[12:], uint32(len(data)))
	binary.BigEndian.PutUint32(h[24:], crc32.ChecksumIEEE(data))
	h[28], h[30], h[31] = linux, kind, nothing
	copy(h[32:], "lastpage")
	binary.BigEndian.PutUint32(h[4:], crc32.ChecksumIEEE(h))
	return append(h, data...)
}
