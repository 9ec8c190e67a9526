// SPDX-License-Identifier: Apache-2.0

package kernels

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"

	"lastpage/kernels/debian"
	"lastpage/kernels/names"
	"lastpage/kernels/prebuilt"
)

//go:embed catalogue.yaml
var builtin []byte

// Catalogue is the kernels and strategies by name, in the order they were named.
type Catalogue struct {
	Kernels    []Kernel   `yaml:"kernels" json:"kernels"`
	Strategies []Strategy `yaml:"strategies" json:"strategies"`
}

// Kernel is an entry of the catalogue.
type Kernel struct {
	Name        string  `yaml:"name" json:"name"`
	Description string  `yaml:"description" json:"description"`
	Console     Console `yaml:"console" json:"console"`
	Cmdline     string  `yaml:"cmdline" json:"cmdline"`
	// ExactCPUs, if not 0, is how many CPUs it can have on QEMU's exact wire.
	ExactCPUs int    `yaml:"exact_cpus" json:"exact_cpus,omitempty"`
	Source    Source `yaml:"source" json:"source"`
}

// Source is where a kernel comes from. Exactly one field is set.
type Source struct {
	DebianImage *debian.Request `yaml:"debian-image" json:"debian_image,omitempty"`
	Build       *BuildSource    `yaml:"build" json:"build,omitempty"`
	// Image is a kernel that somebody else has built. Its entry may leave the console out: the headers tell it.
	Image *prebuilt.Source `yaml:"image" json:"image,omitempty"`
}

// Strategy is a way to flush.
type Strategy struct {
	Name      string `yaml:"name" json:"name"`
	Kernel    string `yaml:"kernel" json:"kernel"`
	Cmdline   string `yaml:"cmdline" json:"cmdline,omitempty"` // added to the kernel's
	StandsFor string `yaml:"stands_for" json:"stands_for"`
}

// CatalogueEnv names a file that is merged when LoadCatalogue is given none.
const CatalogueEnv = "LASTPAGE_CATALOGUE"

// LoadCatalogue reads the built-in catalogue and merges the files into it, in order; without files, the one that
// LASTPAGE_CATALOGUE names, if it does. An entry replaces an earlier one of the same name.
func LoadCatalogue(files ...string) (*Catalogue, error) {
	if env := os.Getenv(CatalogueEnv); len(files) == 0 && env != "" {
		files = []string{env}
	}
	c := new(Catalogue)
	if err := c.merge("built-in catalogue", builtin); err != nil {
		return nil, err
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			return nil, fmt.Errorf("read catalogue: %w", err)
		}
		if err := c.merge(f, data); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c *Catalogue) merge(file string, data []byte) error {
	var add Catalogue
	if err := yaml.UnmarshalWithOptions(data, &add, yaml.Strict()); err != nil {
		return fmt.Errorf("read catalogue %s: %w", file, err)
	}
	if err := add.check(); err != nil {
		return fmt.Errorf("read catalogue %s: %w", file, err)
	}
	for _, k := range add.Kernels {
		put(&c.Kernels, k, func(k Kernel) string { return k.Name })
	}
	for _, s := range add.Strategies {
		put(&c.Strategies, s, func(s Strategy) string { return s.Name })
	}
	for _, s := range c.Strategies {
		if _, err := c.Kernel(s.Kernel); err != nil {
			return fmt.Errorf("read catalogue %s: strategy %s: %w", file, s.Name, err)
		}
	}
	return nil
}

func put[T any](list *[]T, v T, name func(T) string) {
	for i, old := range *list {
		if name(old) == name(v) {
			(*list)[i] = v
			return
		}
	}
	*list = append(*list, v)
}

var entryName = regexp.MustCompile(`^[a-z0-9][a-z0-9.+_-]{0,63}$`)

// check says everything that is wrong with one file's entries.
func (c *Catalogue) check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	seen := map[string]bool{}
	for i, k := range c.Kernels {
		if !entryName.MatchString(k.Name) {
			bad("kernel %d: name %q: want small letters, digits and .+_-", i+1, k.Name)
		}
		if seen[k.Name] {
			bad("kernel %s: named twice", k.Name)
		}
		seen[k.Name] = true
		switch k.Console {
		case ConsoleLegacy, ConsoleEarlyAtomic, ConsoleNBCON:
		default:
			if k.Console == "" && k.Source.Image != nil {
				break
			}
			bad("kernel %s: console %q: want %s, %s or %s", k.Name, k.Console, ConsoleLegacy, ConsoleEarlyAtomic, ConsoleNBCON)
		}
		if k.ExactCPUs < 0 || k.ExactCPUs > 8 {
			bad("kernel %s: exact_cpus %d: want 1 to 8, or nothing", k.Name, k.ExactCPUs)
		}
		if strings.TrimSpace(k.Cmdline) == "" {
			bad("kernel %s: no cmdline: nothing would be printed on the serial console", k.Name)
		}
		if err := k.Source.check(); err != nil {
			bad("kernel %s: source: %w", k.Name, err)
		}
	}
	seen = map[string]bool{}
	for i, s := range c.Strategies {
		if !entryName.MatchString(s.Name) {
			bad("strategy %d: name %q: want small letters, digits and .+_-", i+1, s.Name)
		}
		if seen[s.Name] {
			bad("strategy %s: named twice", s.Name)
		}
		seen[s.Name] = true
	}
	return errors.Join(errs...)
}

// Newer says whether something newer can be looked for: a package, whose resolution is remembered. Anything else is looked at every time.
func (s Source) Newer() bool { return s.DebianImage != nil || s.Build != nil && s.Build.Package != nil }

// imagePackage is a versioned image; linux-image-amd64 and its like hold nothing.
var imagePackage = regexp.MustCompile(`^linux-image-[0-9].*-amd64(-unsigned)?$`)

func (s Source) check() error {
	given := 0
	for _, set := range []bool{s.DebianImage != nil, s.Build != nil, s.Image != nil} {
		if set {
			given++
		}
	}
	switch {
	case given == 0:
		return errors.New("none given, want debian-image, build or image")
	case given > 1:
		return errors.New("debian-image, build and image: want one of them")
	case s.Build != nil:
		return s.Build.check()
	case s.Image != nil:
		return s.Image.Check()
	case !imagePackage.MatchString(s.DebianImage.Package):
		return fmt.Errorf("debian-image: package %q: want linux-image-*-amd64, or linux-image-*-amd64-unsigned where there is one", s.DebianImage.Package)
	}
	return nil
}

const inCatalogue = "in the catalogue"

// Kernel finds an entry; the error is a *names.UnknownError.
func (c *Catalogue) Kernel(name string) (*Kernel, error) {
	var known []string
	for i := range c.Kernels {
		if c.Kernels[i].Name == name {
			return &c.Kernels[i], nil
		}
		known = append(known, c.Kernels[i].Name)
	}
	return nil, names.Unknown("kernel", name, inCatalogue, known)
}

// Strategy finds an entry; the error is a *names.UnknownError.
func (c *Catalogue) Strategy(name string) (*Strategy, error) {
	var known []string
	for i := range c.Strategies {
		if c.Strategies[i].Name == name {
			return &c.Strategies[i], nil
		}
		known = append(known, c.Strategies[i].Name)
	}
	return nil, names.Unknown("strategy", name, inCatalogue, known)
}
