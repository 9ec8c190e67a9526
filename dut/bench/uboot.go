// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"lastpage/capture/wire"
	"lastpage/kernels/plan"
)

// UBoot is a board whose loader is U-Boot, with a prompt on the console and a TFTP server.
type UBoot struct {
	Folder string   `yaml:"folder" json:"folder"` // of the TFTP server, where we may write
	Prompt string   `yaml:"prompt" json:"prompt"`
	Setup  []string `yaml:"setup" json:"setup"` // typed first: what brings the network up
	// Places in the board's memory.
	KernelAt uint64 `yaml:"kernel-at" json:"kernel_at"`
	InitrdAt uint64 `yaml:"initrd-at" json:"initrd_at"`
	Start    string `yaml:"start" json:"start"` // zboot, booti or bootz
	// Within is from the power to the prompt.
	Within time.Duration `yaml:"within" json:"within_ns"`

	served served
}

// starts are the commands that start a kernel; ks and rs are the sizes of the files.
var starts = map[string]string{
	"zboot": "zboot %#[1]x ${ks} %#[2]x ${rs}",
	"booti": "booti %#[1]x %#[2]x:${rs} ${fdtcontroladdr}",
	"bootz": "bootz %#[1]x %#[2]x:${rs} ${fdtcontroladdr}",
}

// Check fills in defaults and says what cannot be.
func (u *UBoot) Check() error {
	if u.Prompt == "" {
		u.Prompt = "=> "
	}
	if u.Setup == nil {
		u.Setup = []string{"setenv autoload no; dhcp"}
	}
	if u.Start == "" {
		u.Start = "booti"
	}
	if u.Within == 0 {
		u.Within = promptLimit
	}
	switch {
	case u.Within < 0:
		return errors.New("boot: u-boot: within: want a time above 0, such as 1m")
	case u.Folder == "":
		return errors.New("boot: u-boot: want folder:, that of the TFTP server")
	case u.KernelAt == 0 || u.InitrdAt == 0 || u.KernelAt == u.InitrdAt:
		return errors.New("boot: u-boot: want kernel-at: and initrd-at:, such as 0x4000000")
	case starts[u.Start] == "":
		return fmt.Errorf("boot: u-boot: start %q: want zboot, booti or bootz", u.Start)
	}
	for _, c := range u.Setup {
		if len(c) > maxLine {
			return fmt.Errorf("boot: u-boot: setup: a line of %d bytes; U-Boot drops what is beyond %d", len(c), maxLine)
		}
	}
	return nil
}

const (
	maxLine  = 400 // bytes that are typed in one line: U-Boot has room for 512, of what they become
	maxWords = 200 // bytes of bootargs that are set at a time
)

// Prepare implements Loader.
func (u *UBoot) Prepare(p *Payload) (any, error) {
	f, err := u.served.put(u.Folder, p)
	if err != nil {
		return nil, err
	}
	if u.KernelAt < u.InitrdAt+uint64(f.initrd.size) && u.InitrdAt < u.KernelAt+uint64(f.kernel.size) {
		return nil, fmt.Errorf("u-boot: the kernel (%d bytes, kernel-at: %#x) and the initramfs (%d bytes, initrd-at: %#x) would lie in the same memory: put them apart",
			f.kernel.size, u.KernelAt, f.initrd.size, u.InitrdAt)
	}
	return f, nil
}

// Clean implements Loader.
func (u *UBoot) Clean() error { return u.served.remove() }

// Room for what is loaded, bytes: the kernel's file, the initramfs, and the kernel as it unpacks itself (init_size of its header). Debian's are
// 13, 12 and 65 MiB.
const (
	roomFile   = 64 << 20
	roomUnpack = 112 << 20
)

// Spoils implements Spoiler for a PC: zboot moves the kernel's file to 1 MiB, and from there it unpacks itself to 16 MiB and more
// (Documentation/arch/x86/boot.rst).
func (u *UBoot) Spoils() []plan.Span {
	const mib = 1 << 20
	all := []plan.Span{{At: mib, Size: 15*mib + roomUnpack}, {At: u.KernelAt, Size: roomFile}, {At: u.InitrdAt, Size: roomFile}}
	slices.SortFunc(all, func(a, b plan.Span) int { return cmp.Compare(a.At, b.At) })
	joined := all[:1]
	for _, s := range all[1:] {
		if last := &joined[len(joined)-1]; s.At <= last.End() {
			last.Size = max(last.End(), s.End()) - last.At
		} else {
			joined = append(joined, s)
		}
	}
	return joined
}

// Banner implements Loader.
func (u *UBoot) Banner() string { return "\nU-Boot 20" }

// Limits of what U-Boot does. fetchRate is far below any network that still works, bytes/s.
const (
	promptLimit = 60 * time.Second
	promptEvery = 250 * time.Millisecond
	setupLimit  = 60 * time.Second
	fetchLimit  = 20 * time.Second
	fetchRate   = 200_000
	answerLimit = 5 * time.Second
	lineTries   = 3
	interrupt   = "\x03" // stops a countdown and a command, and draws a prompt
)

// Boot implements Loader. The kernel's part begins with the command that starts it.
func (u *UBoot) Boot(ctx context.Context, l *line, files any, from int64) (int64, error) {
	f := files.(*servedFiles)
	if err := u.catch(ctx, l, from); err != nil {
		return 0, err
	}
	for _, c := range u.Setup {
		if _, err := u.command(ctx, l, c, setupLimit); err != nil {
			return 0, err
		}
	}
	for _, w := range []struct {
		at   uint64
		size string
		file servedFile
	}{{u.KernelAt, "ks", f.kernel}, {u.InitrdAt, "rs", f.initrd}} {
		if err := u.fetch(ctx, l, w.at, w.file); err != nil {
			return 0, err
		}
		if _, err := u.command(ctx, l, "setenv "+w.size+" ${filesize}", answerLimit); err != nil {
			return 0, err
		}
	}
	for i, words := range pieces(f.cmdline, maxWords) {
		set := "setenv bootargs "
		if i > 0 {
			set += "${bootargs} "
		}
		if _, err := u.command(ctx, l, set+escape(words), answerLimit); err != nil {
			return 0, err
		}
	}
	started := l.log.Len() // before it is typed: a kernel may be faster than we are
	return started, l.send(ctx, fmt.Sprintf(starts[u.Start], u.KernelAt, u.InitrdAt)+"\r")
}

// catch interrupts U-Boot until it shows its prompt.
func (u *UBoot) catch(ctx context.Context, l *line, from int64) error {
	ctx, cancel := context.WithTimeoutCause(ctx, u.Within, errors.New("no prompt"))
	defer cancel()
	for {
		if err := l.send(ctx, interrupt); err != nil && ctx.Err() == nil {
			return err
		}
		_, err := l.expect(ctx, from, promptEvery, wire.Literal(u.Prompt))
		if err == nil {
			break
		}
		if ctx.Err() == nil {
			continue
		}
		said := l.log.Bytes(from, l.log.Len())
		switch {
		case context.Cause(ctx).Error() != "no prompt":
			return context.Cause(ctx)
		case len(said) == 0:
			return noByte("u-boot", u.Within)
		}
		if len(bytes.Trim(said, interrupt+"^C\r\n")) == 0 {
			return fmt.Errorf("u-boot: no prompt %q within %s, and nothing came but what was typed: look at the cable (a plug that joins its pins?), and whether it is the right console", u.Prompt, u.Within)
		}
		if n := strange(said); n > len(said)/4 {
			return fmt.Errorf("u-boot: no prompt %q within %s, and %d of the %d bytes that came are no text: look at baud:, and at the rate that the server between has",
				u.Prompt, u.Within, n, len(said))
		}
		return fmt.Errorf("u-boot: no prompt %q within %s; the last line is %q: look at prompt:, at baud:, and whether the board's countdown can be stopped", u.Prompt, u.Within, lastLine(said))
	}
	return l.quiet(ctx, 2*promptEvery, u.Within)
}

// command types a line, sees that it was understood as it was typed, and returns what came before the next prompt.
func (u *UBoot) command(ctx context.Context, l *line, text string, limit time.Duration) ([]byte, error) {
	var said []byte
	for range lineTries {
		from := l.log.Len()
		if err := l.send(ctx, text+"\r"); err != nil {
			return nil, err
		}
		m, err := l.expect(ctx, from, limit+2*l.byteTime(len(text)), wire.Literal("\n"+u.Prompt))
		said = l.log.Bytes(from, l.log.Len())
		if err != nil {
			return said, fmt.Errorf("u-boot: %.60q: no prompt after it: %w; the last line is %q", text, err, lastLine(said))
		}
		if answer, echoed := bytes.CutPrefix(said[:m.End-from], []byte(text)); echoed {
			return answer, nil
		}
		// Characters were lost on the way: once more, on a line of its own.
		if err := u.catch(ctx, l, l.log.Len()); err != nil {
			return nil, err
		}
	}
	return said, fmt.Errorf("u-boot: %.60q came back as %.100q, %d times: characters are lost on their way to the board", text, said, lineTries)
}

var transferred = regexp.MustCompile(`Bytes transferred = (\d+)`)

// fetch has U-Boot load a file, and compares its size.
func (u *UBoot) fetch(ctx context.Context, l *line, at uint64, f servedFile) error {
	answer, err := u.command(ctx, l, fmt.Sprintf("tftpboot %#x %s", at, f.name), fetchLimit+time.Duration(f.size)*time.Second/fetchRate)
	if err != nil {
		return err
	}
	m := transferred.FindSubmatch(answer)
	if m == nil {
		return fmt.Errorf("u-boot: TFTP of %s brought nothing: %s: look whether folder: is the TFTP server's own, and at the board's network", filepath.Join(u.Folder, f.name), reason(answer))
	}
	if got := string(m[1]); got != fmt.Sprint(f.size) {
		return fmt.Errorf("u-boot: TFTP of %s brought %s bytes, the file has %d: it is another one", filepath.Join(u.Folder, f.name), got, f.size)
	}
	return nil
}
