// SPDX-License-Identifier: Apache-2.0

package kernels

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"lastpage/kernels/build"
	"lastpage/kernels/config"
	"lastpage/kernels/patches"
	"lastpage/kernels/probe"
)

// BuildSource is a kernel that is compiled here: where the tree comes from, which of our patch series goes on top, and the
// configuration. Patches of the user's follow the series.
type BuildSource struct {
	build.Source `yaml:",inline"`
	Series       string   `yaml:"series,omitempty" json:"series,omitempty"`   // of kernels/patches; empty: none
	Patches      []string `yaml:"patches,omitempty" json:"patches,omitempty"` // paths
	Config       string   `yaml:"config,omitempty" json:"config,omitempty"`   // path of a whole .config; empty: our small one
	// Options are lines of a .config on top of our small one. Each must come true. A whole .config takes their place.
	Options []string `yaml:"options,omitempty" json:"options,omitempty"`
}

func (b *BuildSource) check() error {
	if err := b.Check(); err != nil {
		return fmt.Errorf("build: %w", err)
	}
	if b.Series != "" {
		if _, err := patches.Series(b.Series); err != nil {
			return fmt.Errorf("build: %w", err)
		}
	}
	if b.Config != "" && len(b.Options) > 0 {
		return errors.New("build: config and options: want one of them; a whole .config has its options in it")
	}
	if _, err := config.Lastpage().With(b.Options); err != nil {
		return fmt.Errorf("build: options: %w", err)
	}
	return nil
}

// spec reads the files that b names.
func (b *BuildSource) spec() (build.Spec, error) {
	s := build.Spec{Source: b.Source}
	var err error
	if s.Config, err = config.Lastpage().With(b.Options); err != nil {
		return s, err
	}
	if b.Series != "" {
		series, err := patches.Series(b.Series)
		if err != nil {
			return s, err
		}
		s.Patches = series
	}
	for _, p := range b.Patches {
		data, err := os.ReadFile(p)
		if err != nil {
			return s, fmt.Errorf("read patch: %w", err)
		}
		s.Patches = append(s.Patches, build.Patch{Name: p, Data: data})
	}
	if b.Config != "" {
		data, err := os.ReadFile(b.Config)
		if err != nil {
			return s, fmt.Errorf("read config: %w", err)
		}
		s.Config = build.Config{Full: data, Name: b.Config}
	}
	return s, nil
}

func (img *Image) fromBuild(ctx context.Context, b *BuildSource, o Options) error {
	s, err := b.spec()
	if err != nil {
		return err
	}
	s.Refresh = o.Refresh
	var progress build.Progress
	if o.Progress != nil {
		progress = build.Lines(o.Progress)
	}
	k, err := build.Build(ctx, s, progress)
	if err != nil {
		return err
	}
	img.Release, img.Vmlinuz, img.SystemMap, img.Config = k.Release, k.Vmlinuz, k.SystemMap, k.Config
	if k.Package.Package != "" {
		img.Packages = append(img.Packages, k.Package)
	}
	img.Origin = b.origin(ctx, s, k)
	if img.Probe, err = probe.Build(ctx, k.Build, k.Key, o.Progress); err != nil {
		return err
	}
	return controlBuiltIn(k.Config)
}

// controlBuiltIn insists on the drivers of the control channel: a kernel built here installs no modules.
func controlBuiltIn(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for _, want := range []string{"CONFIG_VIRTIO_PCI=y", "CONFIG_VIRTIO_CONSOLE=y"} {
		if !strings.Contains("\n"+string(text), "\n"+want+"\n") {
			return errors.New("the configuration lacks " + want + ", which the control channel needs")
		}
	}
	return nil
}
