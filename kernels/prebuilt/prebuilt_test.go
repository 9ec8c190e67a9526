// SPDX-License-Identifier: Apache-2.0

package prebuilt

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cavaliergopher/cpio"
	"github.com/google/go-cmp/cmp"
)

const release = "6.12.0-mine"

// config is the least that a guest needs.
const config = `CONFIG_64BIT=y
CONFIG_PRINTK=y
CONFIG_SERIAL_8250=y
CONFIG_SERIAL_8250_CONSOLE=y
CONFIG_BLK_DEV_INITRD=y
CONFIG_BINFMT_ELF=y
CONFIG_FUTEX=y
CONFIG_DEVTMPFS=y
CONFIG_PROC_FS=y
CONFIG_SYSCTL=y
CONFIG_SYSFS=y
CONFIG_MODULES=y
CONFIG_MAGIC_SYSRQ=y
CONFIG_VIRTIO_PCI=y
CONFIG_VIRTIO_CONSOLE=y
CONFIG_VMCORE_INFO=y
# CONFIG_IKCONFIG is not set
`

func packed(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// bzImage makes a file with a header as the boot protocol has it, and a compressed kernel that holds vmlinux and a build's size after it.
func bzImage(t *testing.T, version, vmlinux string) []byte {
	t.Helper()
	const sects, at = 3, 0x100
	payload := append(packed(t, "\x7fELF"+vmlinux), 1, 2, 3, 4)
	data := make([]byte, (sects+1)*512+16)
	data[atSetupSects] = sects
	copy(data[atMagic:], "HdrS")
	binary.LittleEndian.PutUint16(data[atProtocol:], 0x20f)
	binary.LittleEndian.PutUint16(data[atVersion:], at)
	copy(data[0x200+at:], version+"\x00")
	binary.LittleEndian.PutUint32(data[atPayload:], 16)
	binary.LittleEndian.PutUint32(data[atPayload+4:], uint32(len(payload)))
	return append(data, payload...)
}

func TestBzImage(t *testing.T) {
	with := bzImage(t, release+" (me@here) #1 SMP", "code IKCFG_ST"+string(packed(t, config))+"IKCFG_ED more")
	b, err := parseBzImage(with)
	if err != nil || b.Release != release || !strings.HasSuffix(b.Version, "#1 SMP") {
		t.Fatalf("%+v, %v", b, err)
	}
	text, err := b.Config(t.Context())
	if err != nil || string(text) != config {
		t.Errorf("its configuration: %q, %v", text, err)
	}
	b, err = parseBzImage(bzImage(t, release, "code"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Config(t.Context()); !errors.Is(err, ErrNoConfig) {
		t.Errorf("no configuration: %v", err)
	}
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "no bzImage"},
		{"vmlinux", append([]byte("\x7fELF"), make([]byte, 4096)...), "as vmlinux is"},
		{"rpm", append([]byte("\xed\xab\xee\xdb"), make([]byte, 4096)...), "RPM"},
		{"cut", with[:len(with)-100], "it is cut"},
		{"no release", bzImage(t, "", "code"), "names no release"},
		{"a release that is a path", bzImage(t, "../x", "code"), "names no release"},
	} {
		if _, err := parseBzImage(c.data); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func archive(t *testing.T, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := cpio.NewWriter(&b)
	for _, f := range files {
		if err := w.WriteHeader(&cpio.Header{Name: f, Mode: cpio.TypeReg | 0o644, Size: int64(len(f))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(f)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// An initrd as initramfs-tools makes it: microcode first, zeros, and the rest compressed.
func TestInitrd(t *testing.T) {
	first, second := archive(t, "early"), archive(t, "bin", "etc")
	data := append(append([]byte{}, first...), make([]byte, 512)...)
	data = append(data, packed(t, string(second))...)
	plain, err := Initrd(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	if len(plain)%4 != 0 {
		t.Errorf("%d bytes: what follows would not be found", len(plain))
	}
	var names []string
	for rest := plain; len(bytes.Trim(rest, "\x00")) > 0; {
		n, err := newcLen(rest)
		if err != nil {
			t.Fatal(err)
		}
		r := cpio.NewReader(bytes.NewReader(rest[:n]))
		for {
			h, err := r.Next()
			if err != nil {
				break
			}
			names = append(names, h.Name)
		}
		rest = bytes.TrimLeft(rest[n:], "\x00")
	}
	if d := cmp.Diff([]string{"early", "bin", "etc"}, names); d != "" {
		t.Error(d)
	}
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"empty", make([]byte, 8), "empty"},
		{"text", []byte("#!/bin/sh"), "unknown compression"},
		{"cut", second[:len(second)/2], "cut"},
		{"compressed text", packed(t, "hello"), "none"},
	} {
		if _, err := Initrd(t.Context(), c.data); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func FuzzInitrd(f *testing.F) {
	f.Add([]byte("070701"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if bytes.HasPrefix(data, []byte("07070")) { // others start a program
			if n, err := newcLen(data); err == nil && n > len(data) {
				t.Errorf("an archive of %d bytes in %d", n, len(data))
			}
		}
	})
}

func TestLacks(t *testing.T) {
	for _, c := range []struct{ name, change, to, want string }{
		{"all is there", "", "", ""},
		{"no virtio port", "CONFIG_VIRTIO_CONSOLE=y", "# CONFIG_VIRTIO_CONSOLE is not set", "CONFIG_VIRTIO_CONSOLE=y (the control channel"},
		{"a port in a module", "CONFIG_VIRTIO_CONSOLE=y", "CONFIG_VIRTIO_CONSOLE=m", ""},
		{"no console", "CONFIG_SERIAL_8250_CONSOLE=y\n", "", "CONFIG_SERIAL_8250_CONSOLE=y"},
		{"a console in a module", "CONFIG_SERIAL_8250=y", "CONFIG_SERIAL_8250=m", "CONFIG_SERIAL_8250=y"},
		{"no initrd", "CONFIG_BLK_DEV_INITRD=y\n", "", "CONFIG_BLK_DEV_INITRD=y"},
		{"no modules", "CONFIG_MODULES=y\n", "", "CONFIG_MODULES=y"},
		{"its older name", "CONFIG_VMCORE_INFO=y", "CONFIG_CRASH_CORE=y", ""},
		{"neither name", "CONFIG_VMCORE_INFO=y", "", "CONFIG_VMCORE_INFO=y or CONFIG_CRASH_CORE=y"},
		{"signed modules", "CONFIG_MODULES=y", "CONFIG_MODULES=y\nCONFIG_MODULE_SIG_FORCE=y", "not signed"},
	} {
		got := ParseConfig([]byte(strings.Replace(config, c.change, c.to, 1))).Lacks(Probed)
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// folder makes a kernel's build folder with an image in it.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	t.Setenv("LASTPAGE_CACHE", t.TempDir())
	dir := t.TempDir()
	all := map[string]string{"arch/x86/boot/bzImage": string(bzImage(t, release+" (me@here)", "code")), ".config": config, "Module.symvers": "0x0 panic vmlinux\n",
		"include/config/kernel.release": release + "\n", "include/linux/serial_8250.h": "struct nbcon_write_context;\n"}
	for name, text := range files {
		all[name] = text
	}
	for name, text := range all {
		if text == "-" {
			continue
		}
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// What a build leaves is found from its image.
func TestPrepare(t *testing.T) {
	dir := folder(t, nil)
	image := filepath.Join(dir, "arch/x86/boot/bzImage")
	k, err := Prepare(t.Context(), Source{File: image}, Probed, nil)
	if err != nil {
		t.Fatal(err)
	}
	if k.Release != release || k.Build != dir || k.Console != NBCON || k.Config == "" || len(k.Modules) > 0 {
		t.Errorf("%+v", k)
	}
	for name, want := range map[string]string{"image": "bzImage (sha256:", "headers": dir, "config": ".config (sha256:", "version": "(me@here)"} {
		if !strings.Contains(k.Origin[name], want) {
			t.Errorf("origin: %s: %q, want %q", name, k.Origin[name], want)
		}
	}
	// A build that goes on changes nothing of what was taken, and is another kernel the next time.
	if err := os.WriteFile(image, bzImage(t, release+" (me@here)", "other code"), 0o644); err != nil {
		t.Fatal(err)
	}
	again, err := Prepare(t.Context(), Source{File: image}, Probed, nil)
	if err != nil || again.Vmlinuz == k.Vmlinuz || again.BuildKey == k.BuildKey {
		t.Errorf("rebuilt: %+v, %v", again, err)
	}
	if old, err := ReadBzImage(k.Vmlinuz); err != nil || old.Release != release {
		t.Errorf("the copy: %+v, %v", old, err)
	}
}

// What cannot be found is asked for in one sentence.
func TestPrepareAsks(t *testing.T) {
	modular := strings.Replace(config, "CONFIG_VIRTIO_PCI=y", "CONFIG_VIRTIO_PCI=m", 1)
	for _, c := range []struct {
		name  string
		files map[string]string
		src   Source
		use   Use
		want  string
	}{
		{"no build", map[string]string{"include/config/kernel.release": "-"}, Source{}, Probed, "give --headers DIR"},
		{"no build, and none is wanted", map[string]string{"include/config/kernel.release": "-", "arch/x86/boot/config-" + release: config + "CONFIG_BINFMT_SCRIPT=y\n"},
			Source{}, Shell, ""},
		{"no build, and no probe", map[string]string{"include/config/kernel.release": "-", "arch/x86/boot/config-" + release: config + "CONFIG_X86_IOPL_IOPERM=y\n"},
			Source{}, Unprobed, ""},
		{"no probe, and no port", map[string]string{"include/config/kernel.release": "-", "arch/x86/boot/config-" + release: config}, Source{}, Unprobed,
			"lacks CONFIG_X86_IOPL_IOPERM=y"},
		{"a shell that cannot start", map[string]string{"include/config/kernel.release": "-", "arch/x86/boot/config-" + release: config}, Source{}, Shell,
			"lacks CONFIG_BINFMT_SCRIPT=y"},
		{"another release", nil, Source{Headers: "other"}, Probed, "they are of 6.13.0, the image is " + release},
		{"no symbols", map[string]string{"Module.symvers": "-"}, Source{Headers: "."}, Probed, "no Module.symvers"},
		{"a file for a folder", nil, Source{Headers: ".config"}, Probed, "want a folder"},
		{"an option", map[string]string{".config": strings.Replace(config, "CONFIG_FUTEX=y\n", "", 1)}, Source{}, Probed, "lacks CONFIG_FUTEX=y"},
		{"a channel in modules", map[string]string{".config": modular}, Source{}, Probed, "give --modules DIR"},
		{"and not there", map[string]string{".config": modular}, Source{Modules: "other"}, Probed, "no virtio_pci.ko"},
		{"an initrd that is none", nil, Source{Initrd: ".config"}, Probed, "unknown compression"},
		{"a file that is not there", nil, Source{Modules: "nowhere"}, Probed, "no such file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := folder(t, c.files)
			if err := os.MkdirAll(filepath.Join(dir, "other/include/config"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "other/include/config/kernel.release"), []byte("6.13.0\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			for _, p := range []*string{&c.src.Headers, &c.src.Modules, &c.src.Initrd} {
				if *p != "" {
					*p = filepath.Join(dir, *p)
				}
			}
			c.src.File = filepath.Join(dir, "arch/x86/boot/bzImage")
			_, err := Prepare(t.Context(), c.src, c.use, nil)
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

// Modules that the guest needs come with what is built in; their kinds of console are told by the headers.
func TestModulesAndConsoles(t *testing.T) {
	modular := strings.Replace(config, "CONFIG_VIRTIO_CONSOLE=y", "CONFIG_VIRTIO_CONSOLE=m", 1)
	dir := folder(t, map[string]string{".config": modular, "modules.builtin": "kernel/drivers/virtio/virtio.ko\n", "drivers/char/virtio_console.ko": "x",
		"include/linux/serial_8250.h": "void serial8250_console_write(void);\n"})
	k, err := Prepare(t.Context(), Source{File: filepath.Join(dir, "arch/x86/boot/bzImage")}, Probed, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(k.Modules) != 1 || !strings.Contains(k.Builtin, "virtio.ko") || k.Console != Legacy {
		t.Errorf("%+v", k)
	}
	early := folder(t, map[string]string{"include/linux/serial_8250.h": "-", "Makefile": "include " + dir + "/Makefile\n"})
	if got := consoleOf(early); got != Legacy {
		t.Errorf("headers that include others: %q", got)
	}
	none := folder(t, map[string]string{"include/linux/serial_8250.h": "-"})
	if got := consoleOf(none); got != "" {
		t.Errorf("headers that do not tell: %q", got)
	}
}
