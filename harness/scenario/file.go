// SPDX-License-Identifier: Apache-2.0

// Package scenario reads scenarios that a user wrote (YAML, strict; docs/scenarios.md) and writes those that are built in.
//
// In: a file, and what it names: a program, C source, a script, a module. Out: a harness.Scenario, with the guest's files in the store, so that
// nothing which is changed later changes a trial. C source is compiled here, by gcc.
package scenario

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/goccy/go-yaml"

	"lastpage/harness"
)

// file is the form of a scenario's file.
type file struct {
	Name      string     `yaml:"name"`
	About     string     `yaml:"about,omitempty"`
	CPUs      int        `yaml:"cpus,omitempty"`
	Cmdline   string     `yaml:"cmdline,omitempty"`
	Guest     guest      `yaml:"guest"`
	Survives  bool       `yaml:"survives,omitempty"`
	Key       string     `yaml:"key,omitempty"`
	Trials    int        `yaml:"trials,omitempty"`
	Phase     duration   `yaml:"phase,omitempty"`
	Interrupt *interrupt `yaml:"interrupt,omitempty"`
	Steps     []step     `yaml:"steps,omitempty"`
	Expect    []string   `yaml:"expect,omitempty"`
	Over      over       `yaml:"over,omitempty"`
	Measures  string     `yaml:"measures,omitempty"`
}

// guest is what happens in the guest: the probe's own words, or one thing of the user's.
type guest struct {
	Provoke     string   `yaml:"provoke,omitempty"`
	Context     string   `yaml:"context,omitempty"`
	Nested      string   `yaml:"nested,omitempty"`
	CPU         int      `yaml:"cpu,omitempty"`
	Die         *die     `yaml:"die,omitempty"`
	Flood       duration `yaml:"flood,omitempty"`
	PanicOnOops bool     `yaml:"panic-on-oops,omitempty"`
	OpenConsole bool     `yaml:"open-console,omitempty"`

	Program string   `yaml:"program,omitempty"`
	Args    []string `yaml:"args,omitempty"`
	Script  string   `yaml:"script,omitempty"`
	Module  string   `yaml:"module,omitempty"`
	Params  string   `yaml:"params,omitempty"`
	Files   []string `yaml:"files,omitempty"`
	AnyCPU  bool     `yaml:"any-cpu,omitempty"`
	Probe   *bool    `yaml:"probe,omitempty"`
}

type die struct {
	At  string `yaml:"at"`
	How string `yaml:"how"`
}

type interrupt struct {
	Do     string   `yaml:"do,omitempty"`
	At     []string `yaml:"at,omitempty"`
	Before string   `yaml:"power-off-before,omitempty"`
}

type step struct {
	Name  string `yaml:"name"`
	At    string `yaml:"at"`
	After string `yaml:"after,omitempty"`
	Do    string `yaml:"do"`
}

type over struct {
	After   duration `yaml:"after,omitempty"`
	Pattern string   `yaml:"pattern,omitempty"`
}

// duration is a time in the words of time.ParseDuration.
type duration time.Duration

// MarshalYAML implements yaml.InterfaceMarshaler.
func (d duration) MarshalYAML() (any, error) { return time.Duration(d).String(), nil }

// UnmarshalYAML implements yaml.InterfaceUnmarshaler.
func (d *duration) UnmarshalYAML(decode func(any) error) error {
	var text string
	if err := decode(&text); err != nil {
		return err
	}
	v, err := time.ParseDuration(text)
	if err != nil || v <= 0 || v > time.Hour || v%time.Microsecond != 0 {
		return fmt.Errorf("%q: want a time such as 20s, 700us or 1.5ms: whole microseconds, at most an hour", text)
	}
	*d = duration(v)
	return nil
}

const maxFile = 1 << 20 // bytes

var scenarioName = regexp.MustCompile(`^[a-z0-9][a-z0-9.:+_-]{0,63}$`)

// IsFile says whether a user's word for a scenario is the path of a file.
func IsFile(word string) bool {
	ext := filepath.Ext(word)
	return ext == ".yaml" || ext == ".yml" || filepath.Base(word) != word
}

// Load reads a file, and makes what it names ready. progress (may be nil) is told what takes time.
func Load(ctx context.Context, path string, progress io.Writer) (*harness.Scenario, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("scenario: %w", err)
	}
	if st.Size() > maxFile || !st.Mode().IsRegular() {
		return nil, fmt.Errorf("scenario %s: %d bytes, at most %d are plausible", path, st.Size(), maxFile)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("scenario: %w", err)
	}
	f, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("scenario %s: %w", path, err)
	}
	s, err := f.scenario()
	if err == nil {
		err = f.bring(ctx, s, filepath.Dir(path), progress)
	}
	if err == nil {
		err = check(s)
	}
	if err != nil {
		return nil, fmt.Errorf("scenario %s: %w", path, err)
	}
	sum := sha256.Sum256(data)
	s.Digest = hex.EncodeToString(sum[:])
	return s, nil
}

func parse(data []byte) (*file, error) {
	f := new(file)
	if err := yaml.UnmarshalWithOptions(data, f, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("%s", yaml.FormatError(err, false, true))
	}
	return f, nil
}
