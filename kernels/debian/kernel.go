// SPDX-License-Identifier: Apache-2.0

package debian

import (
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"lastpage/kernels/store"
)

// Kernel is what is needed of a kernel's packages to boot it and to build modules for it.
type Kernel struct {
	Release  string   // as uname -r will say
	Boot     string   // directory of vmlinuz, config and modules.builtin, without version suffixes; modules/ holds .ko files
	Build    string   // directory to give to make -C
	BuildKey string   // digest of what Build is made of
	MakeArgs []string // for make in Build, where this machine's compiler is not the one that the kernel was built with
	Packages []Provenance
	Debs     []string // files of the packages that hold the kernel and its modules
}

// FetchKernel brings the newest kernel image that matches r, named linux-image-RELEASE-unsigned, and the headers of exactly
// that release and version.
func FetchKernel(ctx context.Context, r Request, progress io.Writer) (*Kernel, error) {
	deb, prov, err := Fetch(ctx, r, progress)
	if err != nil {
		return nil, err
	}
	k := &Kernel{Packages: []Provenance{prov}}
	k.Release = strings.TrimSuffix(strings.TrimPrefix(prov.Package, "linux-image-"), "-unsigned")
	debs, err := k.parts(ctx, deb, r.Suite, progress)
	if err != nil {
		return nil, err
	}
	k.Debs = debs
	key := []string{"2"}
	for _, p := range k.Packages {
		key = append(key, p.SHA256)
	}
	k.Boot, err = store.Do(ctx, "kernel", store.Key(key...), progress, func(ctx context.Context, tmp string) error {
		if progress != nil {
			fmt.Fprintf(progress, "unpacking %s %s\n", prov.Package, prov.Version)
		}
		return unpackImage(ctx, debs, tmp, k.Release, "vmlinuz", "config", "modules.builtin")
	})
	if err != nil {
		return nil, err
	}
	if err := k.fetchHeaders(ctx, r.Suite, progress); err != nil {
		return nil, err
	}
	return k, nil
}

// bootModules matches the modules of the control channel: virtio's core and its serial port.
var bootModules = regexp.MustCompile(`/kernel/drivers/(virtio/[^/]+|char/virtio_console)\.ko(\.[a-z]+)?$`)

// parts are the packages that hold what the image package stands for: since 7.x it is empty and depends on them.
func (k *Kernel) parts(ctx context.Context, image, suite string, progress io.Writer) ([]string, error) {
	debs := []string{image}
	if !strings.Contains(k.Packages[0].Depends, "linux-binary-"+k.Release) {
		return debs, nil
	}
	for _, kind := range []string{"linux-binary-", "linux-modules-", "linux-base-"} {
		deb, prov, err := Fetch(ctx, Request{Package: kind + k.Release, Suite: suite, Version: k.Packages[0].Version}, progress)
		if err != nil {
			return nil, err
		}
		debs = append(debs, deb)
		k.Packages = append(k.Packages, prov)
	}
	return debs, nil
}

// UnpackImage unpacks a kernel package that is a file of the user's, Debian's or of make bindeb-pkg, into dir: vmlinuz, and what there is of
// config, modules.builtin and modules/.
func UnpackImage(ctx context.Context, deb, dir string) error {
	name, err := field(ctx, deb, "Package")
	if err != nil {
		return err
	}
	release := name
	for _, kind := range []string{"linux-image-", "linux-binary-"} {
		release = strings.TrimPrefix(release, kind)
	}
	release = strings.TrimSuffix(release, "-unsigned")
	if err := unpackImage(ctx, []string{deb}, dir, release); err != nil {
		return fmt.Errorf("package %s: %w", deb, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "vmlinuz")); err != nil {
		return fmt.Errorf("package %s: no kernel in %s; Debian's linux-image of 7.x and later is empty, its kernel is in linux-binary-%s",
			deb, name, release)
	}
	return nil
}

// unpackImage unpacks packages; what is wanted must be among it.
func unpackImage(ctx context.Context, debs []string, tmp, release string, wanted ...string) error {
	raw := filepath.Join(tmp, "raw")
	if err := os.Mkdir(raw, 0o755); err != nil {
		return err
	}
	split := "usr/lib/modules/" + release + "/"
	for _, deb := range debs {
		err := Unpack(ctx, deb, raw, func(name string) bool {
			// System.map in boot/ is a line that says it is elsewhere.
			return strings.HasPrefix(name, "boot/") && !strings.HasPrefix(name, "boot/System.map") || bootModules.MatchString(name) ||
				path.Base(name) == "modules.builtin" || name == split+"vmlinuz" || name == split+"config"
		})
		if err != nil {
			return err
		}
	}
	if err := os.Mkdir(filepath.Join(tmp, "modules"), 0o755); err != nil {
		return err
	}
	err := filepath.WalkDir(raw, func(p string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		base := filepath.Base(p)
		switch {
		case base == "modules.builtin":
			return os.Rename(p, filepath.Join(tmp, base))
		case bootModules.MatchString(p):
			return os.Rename(p, filepath.Join(tmp, "modules", base))
		}
		return os.Rename(p, filepath.Join(tmp, strings.TrimSuffix(base, "-"+release)))
	})
	if err != nil {
		return err
	}
	for _, want := range wanted {
		if _, err := os.Stat(filepath.Join(tmp, want)); err != nil {
			return fmt.Errorf("package has no %s: %w", want, err)
		}
	}
	return os.RemoveAll(raw)
}

// fetchHeaders follows the dependencies of the headers package as far as they are needed to build a module.
func (k *Kernel) fetchHeaders(ctx context.Context, suite string, progress io.Writer) error {
	name := "linux-headers-" + k.Release
	deb, prov, err := Fetch(ctx, Request{Package: name, Suite: suite, Version: k.Packages[0].Version}, progress)
	if err != nil {
		return err
	}
	debs := []string{deb}
	first := len(k.Packages)
	k.Packages = append(k.Packages, prov)
	deps := headerDepends(prov.Depends)
	if len(deps) != 2 {
		return fmt.Errorf("%s depends on %q: want common headers and kbuild", name, prov.Depends)
	}
	for _, dep := range deps {
		dep.Suite = suite
		deb, prov, err := Fetch(ctx, dep, progress)
		if err != nil {
			return err
		}
		debs = append(debs, deb)
		k.Packages = append(k.Packages, prov)
	}
	key := []string{"1"}
	for _, p := range k.Packages[first:] {
		key = append(key, p.SHA256)
	}
	foreign, err := foreignTools(ctx, debs[len(debs)-1], suite, progress)
	if err != nil {
		return err
	}
	for _, p := range foreign.packages {
		key = append(key, p.SHA256)
	}
	k.BuildKey = store.Key(key...)
	k.Build, err = unpackHeaders(ctx, name, k.BuildKey, debs, foreign, progress)
	if err != nil {
		return err
	}
	k.MakeArgs, err = OtherCompiler(filepath.Join(k.Build, ".config"))
	return err
}

// unpackHeaders unpacks packages into the store, under key, and returns the folder of the one called name.
func unpackHeaders(ctx context.Context, name, key string, debs []string, foreign *tools, progress io.Writer) (string, error) {
	final, err := store.Path("headers", key)
	if err != nil {
		return "", err
	}
	_, err = store.Do(ctx, "headers", key, progress, func(ctx context.Context, tmp string) error {
		if progress != nil {
			fmt.Fprintf(progress, "unpacking %s\n", name)
		}
		for _, d := range debs {
			// vmlinux is there for BTF only, and makes the build ask for pahole.
			if err := Unpack(ctx, d, tmp, func(n string) bool { return path.Base(n) != "vmlinux" && !strings.HasPrefix(n, "usr/share/") }); err != nil {
				return err
			}
		}
		if err := foreign.wrap(ctx, tmp, final); err != nil {
			return err
		}
		if len(debs) == 1 {
			return nil // whole in itself, as make bindeb-pkg makes it
		}
		return relocate(filepath.Join(tmp, "usr/src", name, "Makefile"), final)
	})
	return filepath.Join(final, "usr/src", name), err
}

var headerDepend = regexp.MustCompile(`^(linux-headers-[^ ]*-common(?:-rt)?|linux-kbuild-[^ ]+)(?: \(>?= ([^ )]+)\))?$`)

// headerDepends picks the common headers and kbuild out of a Depends field (deb-control(5)). Where a version "or later" is good
// enough, that version is the one the image was built with.
func headerDepends(depends string) []Request {
	var list []Request
	for _, d := range strings.Split(depends, ",") {
		if m := headerDepend.FindStringSubmatch(strings.TrimSpace(d)); m != nil {
			list = append(list, Request{Package: m[1], Version: m[2]})
		}
	}
	return list
}

// relocate points the absolute paths of a headers Makefile to where the tree is going to be.
func relocate(makefile, final string) error {
	data, err := os.ReadFile(makefile)
	if err != nil {
		return err
	}
	text := strings.ReplaceAll(string(data), "/usr/src/", filepath.Join(final, "usr/src")+"/")
	return os.WriteFile(makefile, []byte(text), 0o644)
}
