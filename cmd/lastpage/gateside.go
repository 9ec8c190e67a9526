// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"lastpage/harness/compare"
	"lastpage/kernels"
)

// gateSide is one of the two kernels of a gate, in a catalogue of its own.
type gateSide struct {
	name    string // strategy
	kernel  string
	cmdline string // of the strategy
	cat     *kernels.Catalogue
	patches series
}

// make fetches or builds the kernel, and says what came of it. Its digest is of everything that the guest executes.
func (s *gateSide) make(ctx context.Context, p *progress) (v compare.Variant, err error) {
	v = compare.Variant{Asked: s.name, Kernel: s.kernel, Patches: []string{}}
	for _, f := range s.patches {
		v.Patches = append(v.Patches, filepath.Base(f))
	}
	img, err := s.cat.Image(ctx, s.kernel, p)
	if err != nil {
		return v, err
	}
	v.Release, v.Origin = img.Release, img.Origin
	v.Cmdline = strings.TrimSpace(img.Cmdline + " " + s.cmdline)
	h := sha256.New()
	for _, path := range append([]string{img.Vmlinuz, img.Init, img.Probe}, img.Modules...) {
		data, err := os.ReadFile(path)
		if err != nil {
			return v, fmt.Errorf("kernel %s: %w", s.kernel, err)
		}
		part := sha256.Sum256(data)
		h.Write(part[:])
	}
	v.Image = hex.EncodeToString(h.Sum(nil))
	return v, nil
}

// command is a command line as a shell takes it, with the program's name alone.
func command(args []string) string {
	var words []string
	for i, a := range args {
		if i == 0 {
			a = filepath.Base(a)
		}
		words = append(words, quoted(a))
	}
	return strings.Join(words, " ")
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}

// complaint is the line of a compiler's or linker's words that says what is wrong.
func complaint(text string) string {
	for line := range strings.Lines(text) {
		for _, sign := range []string{"error:", "undefined reference", "No rule to make"} {
			if strings.Contains(line, sign) {
				return strings.TrimSpace(strings.TrimPrefix(line, "../src/"))
			}
		}
	}
	return firstLine(text)
}
