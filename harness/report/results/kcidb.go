// SPDX-License-Identifier: Apache-2.0

package results

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"regexp"
	"strings"
	"time"
)

// origin is the name under which lastpage reports.
const origin = "lastpage"

// The parts of KCIDB 5.3 that are said. No property may be null: what is not known is left out.
type (
	kcidbAll struct {
		Version   kcidbVersion    `json:"version"`
		Checkouts []kcidbCheckout `json:"checkouts"`
		Builds    []kcidbBuild    `json:"builds"`
		Tests     []kcidbTest     `json:"tests"`
	}
	kcidbVersion struct {
		Major int `json:"major"`
		Minor int `json:"minor"`
	}
	kcidbCheckout struct {
		ID      string            `json:"id"`
		Origin  string            `json:"origin"`
		Comment string            `json:"comment,omitempty"`
		Commit  string            `json:"git_commit_hash,omitempty"`
		Valid   bool              `json:"valid"`
		Misc    map[string]string `json:"misc,omitempty"`
	}
	kcidbBuild struct {
		ID           string `json:"id"`
		Checkout     string `json:"checkout_id"`
		Origin       string `json:"origin"`
		Comment      string `json:"comment"`
		Architecture string `json:"architecture"`
		Status       Status `json:"status"`
		Log          string `json:"log_excerpt,omitempty"`
	}
	kcidbTest struct {
		ID          string            `json:"id"`
		Build       string            `json:"build_id"`
		Origin      string            `json:"origin"`
		Path        string            `json:"path"`
		Status      Status            `json:"status"`
		Comment     string            `json:"comment,omitempty"`
		Log         string            `json:"log_excerpt,omitempty"`
		Start       string            `json:"start_time"`
		Environment *kcidbEnvironment `json:"environment,omitempty"`
		Misc        map[string]string `json:"misc,omitempty"`
	}
	kcidbEnvironment struct {
		Comment string `json:"comment"`
	}
)

var fullCommit = regexp.MustCompile(`^[0-9a-f]{40}`)

// writeKCIDB writes a report that KCIDB takes: a checkout and a build for each kernel, a test for each case.
func writeKCIDB(w io.Writer, s *Suite) error {
	all := kcidbAll{Version: kcidbVersion{5, 3}, Checkouts: []kcidbCheckout{}, Builds: []kcidbBuild{}, Tests: []kcidbTest{}}
	builds := make([]string, len(s.Kernels))
	seen := map[string]bool{}
	for i, k := range s.Kernels {
		id := kcidbID(k.Key, k.Release)
		builds[i] = id
		if seen[id] {
			continue
		}
		seen[id] = true
		all.Checkouts = append(all.Checkouts, kcidbCheckout{ID: id, Origin: origin, Comment: k.Origin["tree"], Valid: true, Commit: fullCommit.FindString(k.Origin["commit"]), Misc: k.Origin})
		b := kcidbBuild{ID: id, Checkout: id, Origin: origin, Comment: strings.TrimSpace(k.Name + " Linux " + k.Release), Architecture: "x86_64", Status: Pass}
		if k.Broken != "" {
			b.Status, b.Log = Fail, excerpt([]byte(k.Broken))
		}
		all.Builds = append(all.Builds, b)
	}
	for _, c := range s.Cases {
		if c.Kernel >= len(builds) {
			continue
		}
		t := kcidbTest{ID: kcidbID(s.Name, s.Started.Format(time.RFC3339Nano), c.Group, c.Name, c.Dir), Build: builds[c.Kernel], Origin: origin,
			Path: strings.Join([]string{"lastpage", s.Name, word(c.Group), word(c.Name)}, "."), Status: c.Status, Comment: c.Why, Log: c.Log,
			Start: s.Started.UTC().Format(time.RFC3339), Misc: map[string]string{"made_by": s.Made}}
		if !c.Started.IsZero() {
			t.Start = c.Started.UTC().Format(time.RFC3339)
		}
		if board := cmp.Or(c.Board, s.Board); board != "" {
			t.Environment = &kcidbEnvironment{board}
		}
		for name, v := range map[string]string{"command": s.Command, "evidence": c.Dir} {
			if v != "" {
				t.Misc[name] = v
			}
		}
		all.Tests = append(all.Tests, t)
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(all)
}

// kcidbID is the same for the same things.
func kcidbID(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return origin + ":" + hex.EncodeToString(sum[:16])
}

var notWord = regexp.MustCompile(`[^a-zA-Z0-9_-]+`)

// word is a step of a path.
func word(text string) string {
	return strings.Trim(notWord.ReplaceAllString(text, "_"), "_")
}
