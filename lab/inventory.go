// SPDX-License-Identifier: Apache-2.0

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

	"lastpage/kernels/names"
	"lastpage/lab/bench"
	"lastpage/lab/kind"
	"lastpage/lab/qemu"
)

//go:embed inventory.yaml
var builtin []byte

// Inventory is the list of boards.
type Inventory struct {
	Boards []*Board `yaml:"boards"`

	builtin bool // it is this program's own
}

// Board is one entry: what every board has, and what belongs to its kind.
type Board struct {
	Name  string     `json:"name"`
	Kind  string     `json:"kind"`
	About string     `json:"about,omitempty"`
	Entry kind.Entry `json:"settings"`
}

// Head is what every entry has; which other fields there may be depends on Kind.
type Head struct {
	Name  string `yaml:"name"`
	Kind  string `yaml:"kind"`
	About string `yaml:"about"`
}

// kinds are the kinds of boards that this version knows.
const kinds = "qemu, bench"

// UnmarshalYAML implements yaml.InterfaceUnmarshaler. The kind decides which fields are known.
func (b *Board) UnmarshalYAML(decode func(any) error) error {
	var any map[string]any
	if err := decode(&any); err != nil {
		return err
	}
	b.Name, _ = any["name"].(string)
	switch b.Kind, _ = any["kind"].(string); b.Kind {
	case "qemu":
		var e struct {
			Head       `yaml:",inline"`
			qemu.Entry `yaml:",inline"`
		}
		if err := decode(&e); err != nil {
			return err
		}
		b.Entry, b.About = &e.Entry, e.About
	case "bench":
		var e struct {
			Head        `yaml:",inline"`
			bench.Entry `yaml:",inline"`
		}
		if err := decode(&e); err != nil {
			return err
		}
		b.Entry, b.About = &e.Entry, e.About
	}
	return nil
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
	inv.builtin = path == ""
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
		return nil, written(err)
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
	if b.Entry == nil {
		return fmt.Errorf("kind %q: this version knows only %s", b.Kind, kinds)
	}
	return b.Entry.Complete()
}

// Find returns the board of that name, or an error that lists all.
func (inv *Inventory) Find(name string) (*Board, error) {
	var known []string
	for _, b := range inv.Boards {
		if b.Name == name {
			return b, nil
		}
		known = append(known, b.Name)
	}
	where := "in the inventory"
	if inv.builtin {
		where = "in the built-in inventory (boards of your own are in a file: --inventory FILE)"
	}
	return nil, names.Unknown("board", name, where, known)
}
