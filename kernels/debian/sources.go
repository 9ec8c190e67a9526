// SPDX-License-Identifier: Apache-2.0

package debian

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strings"
)

// target is one index that the machine's apt knows of.
type target struct {
	release   string // the suite as its sources have it
	uri       string // of the repository
	component string
}

const targetFormat = "$(RELEASE)|$(REPO_URI)|$(COMPONENT)"

func parseTargets(out []byte) []target {
	var list []target
	sc := bufio.NewScanner(bytes.NewReader(out))
	for sc.Scan() {
		f := strings.Split(sc.Text(), "|")
		if len(f) == 3 && !strings.Contains(sc.Text(), "$(") {
			list = append(list, target{f[0], f[1], f[2]})
		}
	}
	return list
}

// sourcesFor makes a one-line-style sources.list from the machine's own. For suite "" it has the machine's release, its
// updates and its security, and no third party; for any other suite, that suite on the mirror of the machine's release.
func sourcesFor(list []target, release, suite string) (string, error) {
	own := map[string]bool{release: true, release + "-updates": true, release + "-security": true, release + "/updates": true}
	for _, alias := range []string{"stable", "oldstable", "testing"} {
		own[alias], own[alias+"-updates"], own[alias+"-security"] = true, true, true
	}
	opts := "arch=amd64"
	if _, err := os.Stat(keyring); err == nil {
		opts += " signed-by=" + keyring
	}
	var b strings.Builder
	seen := map[string]bool{}
	add := func(uri, suite string) {
		line := fmt.Sprintf("deb [%s] %s %s main\n", opts, uri, suite)
		if !seen[line] {
			seen[line] = true
			b.WriteString(line)
		}
	}
	mirror := ""
	for _, t := range list {
		if t.component != "main" || !own[t.release] {
			continue
		}
		if !strings.Contains(t.release, "-") && !strings.Contains(t.release, "/") && mirror == "" {
			mirror = t.uri
		}
		if suite == "" {
			add(t.uri, t.release)
		}
	}
	if mirror == "" {
		return "", fmt.Errorf("the machine's apt sources have no Debian mirror for %s (component main)", release)
	}
	if suite != "" {
		add(mirror, suite)
	}
	return b.String(), nil
}

// codename reads VERSION_CODENAME of an os-release file.
func codename(path string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("find this machine's release: %w", err)
	}
	for line := range strings.Lines(string(data)) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "VERSION_CODENAME="); ok {
			return strings.Trim(v, `"'`), nil
		}
	}
	return "", fmt.Errorf("find this machine's release: no VERSION_CODENAME in %s", path)
}
