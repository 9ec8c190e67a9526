// SPDX-License-Identifier: Apache-2.0

// Package prebuilt makes a kernel that somebody else has built ready to boot: a bzImage, a vmlinuz, or a Debian package as a file. It reads
// the release from the image's own header, and finds what modules are built with. What is to be booted is copied into the store, so that a
// build which goes on meanwhile changes nothing. Nothing is fetched.
package prebuilt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"lastpage/kernels/debian"
	"lastpage/kernels/store"
)

// Source names the files.
type Source struct {
	File    string `yaml:"file" json:"file"`                           // bzImage, vmlinuz, or a linux-image package (.deb)
	Headers string `yaml:"headers,omitempty" json:"headers,omitempty"` // folder to build modules in, or its package (.deb); empty: it is found
	Modules string `yaml:"modules,omitempty" json:"modules,omitempty"` // folder of the kernel's modules, as make modules_install fills it
	Initrd  string `yaml:"initrd,omitempty" json:"initrd,omitempty"`   // its files are there in the guest beside ours
}

// Kernel is what can be booted. Paths but Build lie in the store.
type Kernel struct {
	Release  string
	Vmlinuz  string
	Config   string // "": nobody knows it
	Initrd   string // unpacked; "": none
	Console  string // Legacy, EarlyAtomic, NBCON; "": the headers do not tell
	Build    string // to give to make -C; "": not asked for
	BuildKey string
	MakeArgs []string
	Modules  []string          // files of modules, among them those that the guest needs; nil: all is built in
	Builtin  string            // text of modules.builtin
	Origin   map[string]string // what it was made from, with SHA-256
}

// Check says what can be said without reading more than names.
func (s *Source) Check() error {
	if s.File == "" {
		return errors.New("image: no file")
	}
	for _, p := range []string{s.File, s.Headers, s.Modules, s.Initrd} {
		if p == "" {
			continue
		}
		if _, err := os.Stat(p); err != nil {
			return fmt.Errorf("image: %w", err)
		}
	}
	return nil
}

// Release is the release of the kernel in s.
func (s *Source) Release(ctx context.Context) (string, error) {
	dir, err := s.unpack(ctx, nil)
	if err != nil {
		return "", err
	}
	b, err := ReadBzImage(filepath.Join(dir, "vmlinuz"))
	if err != nil {
		return "", err
	}
	return b.Release, nil
}

// unpack puts the image, and what lies with it in a package, into the store.
func (s *Source) unpack(ctx context.Context, progress io.Writer) (string, error) {
	data, err := os.ReadFile(s.File)
	if err != nil {
		return "", fmt.Errorf("read image: %w", err)
	}
	deb := strings.HasPrefix(string(data[:min(8, len(data))]), "!<arch>\n")
	if !deb {
		if _, err := parseBzImage(data); err != nil {
			return "", fmt.Errorf("read image %s: %w", s.File, err)
		}
	}
	return store.Do(ctx, "image", store.Key("1", sum(data)), progress, func(ctx context.Context, tmp string) error {
		if deb {
			return debian.UnpackImage(ctx, s.File, tmp)
		}
		return os.WriteFile(filepath.Join(tmp, "vmlinuz"), data, 0o644)
	})
}

// Prepare makes s ready. Headers are wanted only for the probe.
func Prepare(ctx context.Context, s Source, u Use, progress io.Writer) (*Kernel, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	dir, err := s.unpack(ctx, progress)
	if err != nil {
		return nil, err
	}
	k := &Kernel{Vmlinuz: filepath.Join(dir, "vmlinuz")}
	b, err := ReadBzImage(k.Vmlinuz)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(s.File)
	if err != nil {
		return nil, err
	}
	k.Release = b.Release
	k.Origin = map[string]string{"image": s.File + " (sha256:" + sum(data) + ")", "version": b.Version}
	if u == Probed || s.Headers != "" {
		if err := k.headers(ctx, s, data, progress); err != nil {
			return nil, err
		}
	}
	build := k.Build
	if build == "" { // a folder tells the configuration and the console all the same
		if build, _ = findBuild(s.File, k.Release); build != "" {
			k.Console = consoleOf(build)
		}
	}
	if err := k.config(ctx, s, dir, build, b); err != nil {
		return nil, err
	}
	if err := k.initrd(ctx, s, progress); err != nil {
		return nil, err
	}
	return k, k.check(s, dir, u)
}

func (k *Kernel) headers(ctx context.Context, s Source, image []byte, progress io.Writer) (err error) {
	from := s.Headers
	switch st, serr := os.Stat(from); {
	case from == "":
		k.Build, err = findBuild(s.File, k.Release)
		from = k.Build
	case serr == nil && st.Mode().IsRegular():
		if k.Build, err = debian.UnpackHeaders(ctx, from, progress); err != nil {
			return fmt.Errorf("headers: want a folder or a linux-headers package: %w", err)
		}
	default:
		k.Build, err = filepath.Abs(from)
		from = k.Build
	}
	if err == nil && s.Headers != "" {
		err = checkBuild(k.Build, k.Release)
	}
	if err != nil {
		return err
	}
	k.Console = consoleOf(k.Build)
	k.Origin["headers"] = from
	if k.BuildKey, err = buildKey(image, k.Build); err != nil {
		return err
	}
	k.MakeArgs, err = debian.OtherCompiler(filepath.Join(k.Build, ".config"))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return err
}

// config finds the configuration: in the package, in the folder that modules are built in, beside the image, on this machine, in the image.
func (k *Kernel) config(ctx context.Context, s Source, dir, build string, b *BzImage) error {
	places := []string{filepath.Join(dir, "config")}
	if build != "" {
		places = append(places, filepath.Join(build, ".config"), filepath.Join(build, "include/config/auto.conf"))
	}
	beside := filepath.Dir(s.File)
	places = append(places, filepath.Join(beside, "config-"+k.Release), filepath.Join("/boot", "config-"+k.Release))
	for _, p := range places {
		data, err := os.ReadFile(p)
		if err == nil {
			k.Origin["config"] = p + " (sha256:" + sum(data) + ")"
			return k.keep(ctx, data)
		}
	}
	data, err := b.Config(ctx)
	switch {
	case err == nil:
		k.Origin["config"] = "in the image (sha256:" + sum(data) + ")"
		return k.keep(ctx, data)
	case errors.Is(err, ErrNoConfig):
		return nil
	}
	return err
}

// keep puts a configuration into the store: the folder that it lies in may change.
func (k *Kernel) keep(ctx context.Context, data []byte) error {
	dir, err := store.Do(ctx, "config", store.Key(string(data)), nil, func(_ context.Context, tmp string) error {
		return os.WriteFile(filepath.Join(tmp, "config"), data, 0o644)
	})
	k.Config = filepath.Join(dir, "config")
	return err
}

func (k *Kernel) initrd(ctx context.Context, s Source, progress io.Writer) error {
	if s.Initrd == "" {
		return nil
	}
	data, err := os.ReadFile(s.Initrd)
	if err != nil {
		return fmt.Errorf("read initrd: %w", err)
	}
	k.Origin["initrd"] = s.Initrd + " (sha256:" + sum(data) + ")"
	dir, err := store.Do(ctx, "initrd", store.Key("1", sum(data)), progress, func(ctx context.Context, tmp string) error {
		plain, err := Initrd(ctx, data)
		if err != nil {
			return fmt.Errorf("%s: %w", s.Initrd, err)
		}
		return os.WriteFile(filepath.Join(tmp, "initrd"), plain, 0o644)
	})
	k.Initrd = filepath.Join(dir, "initrd")
	return err
}

// check says what the kernel lacks, and finds the modules of the control channel if it is in modules.
func (k *Kernel) check(s Source, dir string, u Use) error {
	if k.Config == "" {
		return nil
	}
	text, err := os.ReadFile(k.Config)
	if err != nil {
		return err
	}
	c := ParseConfig(text)
	if lacks := c.Lacks(u); lacks != "" {
		return fmt.Errorf("image %s: its configuration %s", s.File, lacks)
	}
	if u == Shell || !c.Modular() {
		return nil
	}
	for _, from := range []string{s.Modules, dir, k.Build, filepath.Join("/lib/modules", k.Release)} {
		if from == "" {
			continue
		}
		if k.Modules, k.Builtin, err = modules(from, k.Release); err != nil {
			return err
		}
		if len(k.Modules) > 0 {
			k.Origin["modules"] = from
			return nil
		}
		if from == s.Modules {
			return fmt.Errorf("modules %s: no virtio_pci.ko or virtio_console.ko and modules.builtin of %s there", from, k.Release)
		}
	}
	return fmt.Errorf("image %s: its control channel is in modules (CONFIG_VIRTIO_PCI=%s, CONFIG_VIRTIO_CONSOLE=%s): give --modules DIR, lib/modules/%s of its "+
		"make modules_install", s.File, c["VIRTIO_PCI"], c["VIRTIO_CONSOLE"], k.Release)
}

// modules are the files of virtio's modules below a folder, and what modules.builtin there says. Of a folder with several releases only this
// one's count.
func modules(dir, release string) (files []string, builtin string, err error) {
	if sub := filepath.Join(dir, "lib/modules", release); exists(sub) {
		dir = sub
	}
	text, err := os.ReadFile(filepath.Join(dir, "modules.builtin"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", nil
	} else if err != nil {
		return nil, "", err
	}
	for _, pattern := range []string{"modules", "kernel/drivers/virtio", "kernel/drivers/char", "drivers/virtio", "drivers/char"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern, "virtio*.ko*"))
		if err != nil {
			return nil, "", err
		}
		files = append(files, found...)
	}
	return files, string(text), nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
