// SPDX-License-Identifier: Apache-2.0

package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"lastpage/kernels/store"
)

// Config is the configuration: a fragment on top of tinyconfig, of which every line must come true, or a full .config, whose
// unknown and new options `make olddefconfig` settles. Exactly one is set.
type Config struct {
	Fragment []byte
	Full     []byte
	Name     string // of the file that Full came from, for people
	Objects  int    // about as many are compiled for it, if somebody has counted; for the progress only
}

func (c Config) check() error {
	if (len(c.Fragment) == 0) == (len(c.Full) == 0) {
		return errors.New("config: want either a fragment or a full .config")
	}
	if len(c.Full) > 0 && settings(c.Full) == "" {
		return fmt.Errorf("config %s: not a kernel configuration: no line of it sets anything (CONFIG_NAME=value, # CONFIG_NAME is not set)", c.Name)
	}
	return nil
}

func (c Config) key() string { return store.Key(settings(c.Fragment), settings(c.Full)) }

// With is a fragment with more lines of a .config. One that contradicts a line of the fragment takes its place.
func (c Config) With(lines []string) (Config, error) {
	if len(lines) == 0 {
		return c, nil
	}
	drop := map[string]bool{}
	for _, l := range lines {
		name := option(l)
		if name == "" {
			return c, fmt.Errorf("%q sets nothing: want CONFIG_NAME=value or # CONFIG_NAME is not set", l)
		}
		if drop[name] {
			return c, fmt.Errorf("%s is set twice", name)
		}
		drop[name] = true
	}
	var b bytes.Buffer
	for l := range bytes.Lines(c.Fragment) {
		if !drop[option(string(l))] {
			b.Write(l)
		}
	}
	for _, l := range lines {
		b.WriteString(l + "\n")
	}
	c.Fragment = b.Bytes()
	return c, nil
}

var optionLine = regexp.MustCompile(`^(?:(CONFIG_\w+)=\S.*|# (CONFIG_\w+) is not set)$`)

// option is the name that a line of a .config sets, "" if it sets none.
func option(line string) string {
	m := optionLine.FindStringSubmatch(strings.TrimSpace(line))
	if m == nil {
		return ""
	}
	return m[1] + m[2]
}

// settings are the lines that Kconfig reads. A comment that is corrected builds nothing anew.
func settings(text []byte) string {
	var b strings.Builder
	for line := range bytes.Lines(text) {
		s := strings.TrimSpace(string(line))
		if strings.HasPrefix(s, "CONFIG_") || strings.HasPrefix(s, "# CONFIG_") && strings.HasSuffix(s, " is not set") {
			b.WriteString(s + "\n")
		}
	}
	return b.String()
}

// ConfigError is a kernel that does not take lines of the fragment.
type ConfigError struct {
	Lines []string
}

func (e *ConfigError) Error() string {
	return fmt.Sprintf("configure: this kernel does not take these lines of the fragment: %s\n"+
		"  cure: see their dependencies in the kernel's Kconfig files, or leave them out", strings.Join(e.Lines, ", "))
}

// nextConfig is made anew for every build, so that it depends on the Spec and not on the builds before.
const nextConfig = ".config.next"

func (b *builder) configure(ctx context.Context, m *maker) error {
	next := filepath.Join(b.w.obj, nextConfig)
	if err := os.RemoveAll(next); err != nil {
		return err
	}
	if len(b.Config.Full) > 0 {
		if err := os.WriteFile(next, b.Config.Full, 0o644); err != nil {
			return err
		}
	} else {
		if err := m.run(ctx, "configure", nil, "KCONFIG_CONFIG="+nextConfig, "tinyconfig"); err != nil {
			return err
		}
		f, err := os.OpenFile(next, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		_, err = f.Write(b.Config.Fragment)
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	if err := m.run(ctx, "configure", nil, "KCONFIG_CONFIG="+nextConfig, "olddefconfig"); err != nil {
		return err
	}
	config, err := os.ReadFile(next)
	if err != nil {
		return err
	}
	if lost := missing(b.Config.Fragment, config); len(lost) > 0 {
		return &ConfigError{lost}
	}
	same, err := makeSame(next, filepath.Join(b.w.obj, ".config"))
	if err == nil && !same {
		// What is compiled next follows from Kconfig's own bookkeeping, not from the files that changed.
		b.w.followed = append(b.w.followed, "include/generated/autoconf.h")
	}
	return err
}

// missing returns the lines of a fragment that config does not say.
func missing(fragment, config []byte) []string {
	have := map[string]bool{}
	set := map[string]bool{}
	for line := range bytes.Lines(config) {
		s := strings.TrimSpace(string(line))
		have[s] = true
		if name, _, ok := strings.Cut(s, "="); ok {
			set[name] = true
		}
	}
	var lost []string
	for line := range bytes.Lines(fragment) {
		s := strings.TrimSpace(string(line))
		off, isOff := strings.CutSuffix(s, " is not set")
		switch {
		case strings.HasPrefix(s, "CONFIG_") && !have[s]:
			lost = append(lost, s)
		case isOff && strings.HasPrefix(s, "# CONFIG_") && set[strings.TrimPrefix(off, "# ")]:
			lost = append(lost, s)
		}
	}
	return lost
}
