// Package lab knows the boards: which there are, how each is opened, and what this machine can do.
//
// Data comes in as an inventory (YAML, strictly decoded: an unknown key is an error with its line) and the kernels' catalogue, and goes
// out as subjects for the harness. It is the only package that knows both.
package lab

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"

	"github.com/goccy/go-yaml"

	"lastpage/dut/qemu"
)

//go:embed inventory.yaml
var builtin []byte

// Inventory is the list of boards.
type Inventory struct {
	Boards []*Board `yaml:"boards"`
}

// Board is one entry. Which fields apply depends on Kind.
type Board struct {
	Name  string `yaml:"name" json:"name"`
	Kind  string `yaml:"kind" json:"kind"` // "qemu"
	About string `yaml:"about" json:"about,omitempty"`

	// of kind qemu
	CPUs        int       `yaml:"cpus" json:"cpus,omitempty"`
	Memory      int       `yaml:"memory" json:"memory,omitempty"` // MiB
	Wire        qemu.Mode `yaml:"wire" json:"wire,omitempty"`
	Shift       int       `yaml:"shift" json:"shift,omitempty"` // a guest instruction takes 2^shift ns (exact wire)
	Seed        uint64    `yaml:"seed" json:"seed,omitempty"`
	FastForward bool      `yaml:"fast-forward" json:"fast_forward,omitempty"`
	Snapshot    bool      `yaml:"snapshot" json:"snapshot,omitempty"`
	Binary      string    `yaml:"binary" json:"binary,omitempty"` // of QEMU; empty: from PATH
}

// LoadInventory reads path, or the built-in inventory if path is empty.
func LoadInventory(path string) (*Inventory, error) {
	data, name := builtin, "built-in inventory"
	if path != "" {
		name = path
		var err error
		if data, err = os.ReadFile(path); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("inventory %s: no such file; without --inventory the built-in one has a QEMU board", path)
		} else if err != nil {
			return nil, fmt.Errorf("inventory: %w", err)
		}
	}
	inv, err := ParseInventory(data)
	if err != nil {
		return nil, fmt.Errorf("inventory %s: %w", name, err)
	}
	return inv, nil
}

const maxInventory = 1 << 20 // bytes; thousands of boards

var boardName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// ParseInventory reads an inventory strictly. Errors name the line.
func ParseInventory(data []byte) (*Inventory, error) {
	if len(data) > maxInventory {
		return nil, fmt.Errorf("%d bytes, at most %d are plausible", len(data), maxInventory)
	}
	inv := new(Inventory)
	if err := yaml.UnmarshalWithOptions(data, inv, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("%s", yaml.FormatError(err, false, true))
	}
	if len(inv.Boards) == 0 {
		return nil, errors.New("no boards in it; it begins with `boards:`")
	}
	seen := map[string]bool{}
	for i, b := range inv.Boards {
		if b == nil {
			return nil, fmt.Errorf("board %d is empty", i+1)
		}
		if err := b.complete(); err != nil {
			return nil, fmt.Errorf("board %d (%s): %w", i+1, b.Name, err)
		}
		if seen[b.Name] {
			return nil, fmt.Errorf("board %s is there twice", b.Name)
		}
		seen[b.Name] = true
	}
	return inv, nil
}

// complete fills in defaults and says what cannot be.
func (b *Board) complete() error {
	if !boardName.MatchString(b.Name) {
		return fmt.Errorf("name %q: want lower-case letters, digits, '.', '_', '-'", b.Name)
	}
	if b.Kind != "qemu" {
		return fmt.Errorf("kind %q: this version knows only qemu", b.Kind)
	}
	if b.CPUs == 0 {
		b.CPUs = 2
	}
	if b.Memory == 0 {
		b.Memory = 256
	}
	if b.Wire == "" {
		b.Wire = qemu.Exact
	}
	if b.Shift == 0 {
		b.Shift = 4
	}
	if b.Seed == 0 {
		b.Seed = 7
	}
	switch {
	case b.CPUs < 1 || b.CPUs > 8:
		return fmt.Errorf("cpus %d: want 1 to 8", b.CPUs)
	case b.Memory < 64 || b.Memory > 2048:
		return fmt.Errorf("memory %d: want 64 to 2048 MiB", b.Memory)
	case b.Shift < 0 || b.Shift > 10:
		return fmt.Errorf("shift %d: want 1 to 10", b.Shift)
	}
	switch b.Wire {
	case qemu.Exact, qemu.Concurrent:
	default:
		return fmt.Errorf("wire %q: want exact or concurrent", b.Wire)
	}
	if b.Wire != qemu.Exact && (b.FastForward || b.Snapshot) {
		return fmt.Errorf("wire %s: fast-forward and snapshot need the exact wire", b.Wire)
	}
	return nil
}

// Find returns the board of that name, or an error that lists all.
func (inv *Inventory) Find(name string) (*Board, error) {
	list := ""
	for _, b := range inv.Boards {
		if b.Name == name {
			return b, nil
		}
		list += " " + b.Name
	}
	return nil, fmt.Errorf("board %q: not in the inventory; there are:%s", name, list)
}
