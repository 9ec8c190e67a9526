// SPDX-License-Identifier: Apache-2.0

package kernels

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"lastpage/kernels/debian"
	"lastpage/kernels/guest"
	"lastpage/kernels/prebuilt"
	"lastpage/kernels/probe"
	"lastpage/kernels/store"
)

// Console is the kind of 8250 console a kernel has (kernel/printk, drivers/tty/serial/8250).
type Console string

const (
	ConsoleLegacy      Console = "legacy"       // printed by whoever owns console_lock
	ConsoleEarlyAtomic Console = "early-atomic" // the 6.1 real-time patches: atomic consoles and a kthread
	ConsoleNBCON       Console = "nbcon"        // write_atomic, write_thread, a printer kthread
	ConsoleUnknown     Console = "?"            // of a kernel whose headers do not tell
)

// Image is a kernel ready to boot. All paths are absolute and lie in the store; they may be read, never written.
type Image struct {
	Name         string              `json:"name"`    // of the catalogue
	Release      string              `json:"release"` // as uname -r will say
	Console      Console             `json:"console"`
	Cmdline      string              `json:"cmdline"` // default command line of the catalogue entry
	Vmlinuz      string              `json:"vmlinuz"`
	SystemMap    string              `json:"system_map,omitempty"` // of kernels built here; Debian's images have none
	Config       string              `json:"config,omitempty"`
	PrintkCaller bool                `json:"printk_caller"`     // CONFIG_PRINTK_CALLER: console lines carry "[ T12]" or "[ C0]"
	Init         string              `json:"init"`              // the guest's init
	Probe        string              `json:"probe"`             // lastpage_probe.ko; "" where none was wanted
	Modules      []string            `json:"modules,omitempty"` // .ko files in load order; empty if all is built in
	Initrd       string              `json:"initrd,omitempty"`  // archives whose files are in the guest before ours, not compressed
	Packages     []debian.Provenance `json:"packages,omitempty"`
	Key          string              `json:"key"` // digest of everything the image was made from
	// Origin says what a kernel was made from where that is the user's: tree, commit, patches and configuration, with their digests.
	Origin map[string]string `json:"origin,omitempty"`
}

// Options of Prepare.
type Options struct {
	Refresh  bool         // look for newer packages
	Progress io.Writer    // a line for each step that takes time; nil for none
	Use      prebuilt.Use // what a prebuilt kernel is wanted for: without the probe it needs no headers
}

// Image is Prepare without a refresh.
func (c *Catalogue) Image(ctx context.Context, name string, progress io.Writer) (*Image, error) {
	return c.Prepare(ctx, name, Options{Progress: progress})
}

// Cached is the named kernel as it lies in the store. Nothing is fetched and nothing built: what is missing is an error that wraps a
// *store.AbsentError and names the command that brings it.
func (c *Catalogue) Cached(ctx context.Context, name string) (*Image, error) {
	img, err := c.Prepare(store.Only(ctx), name, Options{})
	var absent *store.AbsentError
	if errors.As(err, &absent) {
		return nil, fmt.Errorf("kernel %s is not in the cache (%w); this brings it:\n  lastpage kernels fetch %s", name, absent, name)
	}
	return img, err
}

// Prepare makes the named kernel ready to boot. With everything in the store it takes no network and no compiler.
func (c *Catalogue) Prepare(ctx context.Context, name string, o Options) (*Image, error) {
	k, err := c.Kernel(name)
	if err != nil {
		return nil, err
	}
	img := &Image{Name: k.Name, Console: k.Console, Cmdline: k.Cmdline}
	switch {
	case k.Source.DebianImage != nil:
		err = img.fromDebian(ctx, *k.Source.DebianImage, o)
	case k.Source.Build != nil:
		err = img.fromBuild(ctx, k.Source.Build, o)
	case k.Source.Image != nil:
		err = img.fromImage(ctx, *k.Source.Image, o)
	default:
		err = errors.New("the entry names no source")
	}
	if err != nil {
		return nil, fmt.Errorf("kernel %s: %w", name, err)
	}
	if img.Init, err = guest.Build(ctx, o.Progress); err != nil {
		return nil, fmt.Errorf("kernel %s: %w", name, err)
	}
	if img.Config != "" {
		config, err := os.ReadFile(img.Config)
		if err != nil {
			return nil, fmt.Errorf("kernel %s: %w", name, err)
		}
		img.PrintkCaller = strings.Contains("\n"+string(config), "\nCONFIG_PRINTK_CALLER=y\n")
	}
	parts := []string{img.Vmlinuz, img.Init, img.Probe}
	if img.Initrd != "" {
		parts = append(parts, img.Initrd)
	}
	img.Key = store.Key(append(parts, img.Modules...)...)
	return img, nil
}

func (img *Image) fromDebian(ctx context.Context, r debian.Request, o Options) error {
	r.Refresh = o.Refresh
	k, err := debian.FetchKernel(ctx, r, o.Progress)
	if err != nil {
		return err
	}
	img.Release, img.Packages = k.Release, k.Packages
	img.Vmlinuz = filepath.Join(k.Boot, "vmlinuz")
	img.Config = filepath.Join(k.Boot, "config")
	if img.Probe, err = probe.Build(ctx, k.Build, k.BuildKey, o.Progress, k.MakeArgs...); err != nil {
		return err
	}
	img.Modules, err = loadable(ctx, k, o.Progress)
	return err
}

// loadable is the modules of the control channel, decompressed, in load order.
func loadable(ctx context.Context, k *debian.Kernel, progress io.Writer) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(k.Boot, "modules", "*.ko*"))
	if err != nil {
		return nil, err
	}
	list, err := os.ReadFile(filepath.Join(k.Boot, "modules.builtin"))
	if err != nil {
		return nil, err
	}
	return ordered(ctx, store.Key("1", k.Packages[0].SHA256), files, string(list), progress)
}

// ordered expands the modules of the control channel among files into the store. builtin is the text of modules.builtin.
func ordered(ctx context.Context, key string, files []string, builtin string, progress io.Writer) ([]string, error) {
	return inOrder(ctx, key, progress, func(ctx context.Context, tmp string) ([]string, error) {
		return expand(ctx, files, tmp, builtin, controlModules)
	})
}

// inOrder keeps modules in the store, and gives their paths in load order; expand writes them into a folder and tells the order.
func inOrder(ctx context.Context, key string, progress io.Writer, expand func(ctx context.Context, tmp string) ([]string, error)) ([]string, error) {
	dir, err := store.Do(ctx, "modules", key, progress, func(ctx context.Context, tmp string) error {
		order, err := expand(ctx, tmp)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(tmp, "order"), []byte(strings.Join(order, "\n")), 0o644)
	})
	if err != nil {
		return nil, err
	}
	order, err := os.ReadFile(filepath.Join(dir, "order"))
	if err != nil {
		return nil, err
	}
	var made []string
	for _, f := range strings.Fields(string(order)) {
		made = append(made, filepath.Join(dir, f))
	}
	return made, nil
}
