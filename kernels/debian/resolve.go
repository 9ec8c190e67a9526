// SPDX-License-Identifier: Apache-2.0

package debian

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	version "github.com/knqyf263/go-deb-version"

	"lastpage/kernels/store"
)

// resolve asks the archive which package r is now, and remembers the answer.
func resolve(ctx context.Context, r Request, force bool, progress io.Writer) (Provenance, error) {
	a, err := apt(ctx, r.Suite)
	if err != nil {
		return Provenance{}, err
	}
	err = a.update(ctx, force, func() { fmt.Fprintf(progress, "reading package lists for %s\n", r) })
	if err != nil {
		return Provenance{}, err
	}
	p, err := ask(r, func(args ...string) ([]byte, error) { return a.run(ctx, "", args...) })
	if err != nil {
		return Provenance{}, err
	}
	return p, remember(r, p)
}

// ask asks some apt's lists, as they are, which package r is.
func ask(r Request, run func(args ...string) ([]byte, error)) (Provenance, error) {
	prefix, _, _ := strings.Cut(r.Package, "*")
	prefix, _, _ = strings.Cut(prefix, "?")
	out, err := run("apt-cache", "pkgnames", prefix)
	if err != nil {
		return Provenance{}, err
	}
	var names []string
	for _, n := range strings.Fields(string(out)) {
		if match(r.Package, n) {
			names = append(names, n)
		}
	}
	if len(names) == 0 {
		return Provenance{}, ErrUnknown
	}
	out, err = run(append([]string{"apt-cache", "show", "--"}, names...)...)
	if err != nil && len(out) == 0 {
		// apt-cache fails when all the names are virtual: named in a dependency, and in no archive.
		return Provenance{}, fmt.Errorf("%w (%w)", ErrUnknown, err)
	}
	return newest(parseStanzas(out), r)
}

// match is a glob whose '*' and '?' do not match '-'. A pattern that is malformed matches nothing.
func match(glob, name string) bool {
	ok, err := path.Match(strings.ReplaceAll(glob, "-", "/"), strings.ReplaceAll(name, "-", "/"))
	return ok && err == nil
}

// newest picks the highest version among stanzas that satisfy r.
func newest(list []map[string]string, r Request) (Provenance, error) {
	var best Provenance
	var bestVersion version.Version
	for _, s := range list {
		if !match(r.Package, s["Package"]) || s["SHA256"] == "" || r.Version != "" && s["Version"] != r.Version {
			continue
		}
		v, err := version.NewVersion(s["Version"])
		if err != nil {
			return best, fmt.Errorf("version %q of %s: %w", s["Version"], s["Package"], err)
		}
		if best.Package != "" && !v.GreaterThan(bestVersion) {
			continue
		}
		var size int64
		if _, err := fmt.Sscan(s["Size"], &size); err != nil {
			return best, fmt.Errorf("size %q of %s: %w", s["Size"], s["Package"], err)
		}
		bestVersion = v
		best = Provenance{Package: s["Package"], Version: s["Version"], SHA256: s["SHA256"], Size: size, Suite: r.Suite, Depends: s["Depends"]}
	}
	if best.Package == "" {
		return best, ErrUnknown
	}
	return best, nil
}

// parseStanzas reads the control format of the archive's index (deb-control(5)), as far as it is needed: fields and
// continuation lines. A line that is neither is skipped.
func parseStanzas(data []byte) []map[string]string {
	var list []map[string]string
	for _, block := range bytes.Split(data, []byte("\n\n")) {
		s := map[string]string{}
		last := ""
		for line := range strings.Lines(string(block)) {
			line = strings.TrimRight(line, "\r\n")
			if strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") {
				if last != "" {
					s[last] += "\n" + strings.TrimSpace(line)
				}
				continue
			}
			k, v, ok := strings.Cut(line, ":")
			if !ok {
				last = ""
				continue
			}
			last = k
			s[k] = strings.TrimSpace(v)
		}
		if s["Package"] != "" {
			list = append(list, s)
		}
	}
	return list
}

// The answers are remembered beside the store's entries: they are the one thing here that may change.
func memo(r Request) (string, error) {
	root, err := store.Root()
	if err != nil {
		return "", err
	}
	return filepath.Join(root, "resolved", store.Key(r.Package, r.Suite, r.Version)+".json"), nil
}

func remember(r Request, p Provenance) error {
	file, err := memo(r)
	if err != nil {
		return err
	}
	data, err := json.MarshalIndent(struct {
		Request    Request    `json:"request"`
		Provenance Provenance `json:"is"`
	}{r, p}, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return store.Wrote(filepath.Dir(file), err)
	}
	return store.Wrote(filepath.Dir(file), replace(file, append(data, '\n'), 0o644))
}

// recall returns the remembered answer. A damaged memory is no memory.
func recall(r Request) (Provenance, bool) {
	file, err := memo(r)
	if err != nil {
		return Provenance{}, false
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return Provenance{}, false
	}
	var m struct {
		Provenance Provenance `json:"is"`
	}
	if json.Unmarshal(data, &m) != nil || m.Provenance.SHA256 == "" {
		return Provenance{}, false
	}
	return m.Provenance, true
}
