// SPDX-License-Identifier: Apache-2.0

package kernels

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lastpage/kernels/build"
	"lastpage/kernels/debian"
)

// A kernel of the user's says what it was made from, with digests that sha256sum(1) and git would give.
func TestOrigin(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "main.c")
	if err := os.WriteFile(file, []byte("int a;\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	git := func(args ...string) string {
		out, err := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@example.org"}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	git("init", "-q")
	git("add", ".")
	git("commit", "-qm", "one")
	head := git("rev-parse", "HEAD")

	b := BuildSource{Source: build.Source{Dir: dir}, Series: "7.x", Patches: []string{"mine.patch", "yours.patch"}, Config: "my.config"}
	s := build.Spec{Patches: []build.Patch{{Name: "of the series", Data: []byte("x")}, {Name: "mine.patch", Data: []byte("hello\n")}, {Name: "yours.patch"}},
		Config: build.Config{Full: []byte("hello\n")}}
	k := &build.Kernel{Digest: "dir 1234"}
	const hello = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03" // printf 'hello\n' | sha256sum
	o := b.origin(t.Context(), s, k)
	for name, want := range map[string]string{"tree": dir + " (its files: sha256:1234)", "commit": head, "patch 1": "mine.patch (sha256:" + hello + ")",
		"patch 2": "yours.patch (sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855)", "config": "my.config (sha256:" + hello + ")"} {
		if o[name] != want {
			t.Errorf("%s: %q, want %q", name, o[name], want)
		}
	}
	if len(o) != 5 {
		t.Errorf("%v", o)
	}
	if err := os.WriteFile(file, []byte("int b;\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := b.origin(t.Context(), s, k)["commit"]; got != head+", with changes that are in no commit" {
		t.Errorf("changed: %q", got)
	}
	b.Source = build.Source{Package: &debian.Request{Package: "linux-source-7.3"}}
	k.Digest = "deb 5678"
	k.Package = debian.Provenance{Package: "linux-source-7.3", Version: "7.3.4-1"}
	if got := b.origin(t.Context(), s, k); got["tree"] != "linux-source-7.3 7.3.4-1 (sha256:5678)" || got["commit"] != "" {
		t.Errorf("package: %v", got)
	}
	b.Patches, b.Config = nil, ""
	b.Options = []string{"CONFIG_A=y", "CONFIG_B=m"}
	if got := b.origin(t.Context(), s, k); got["options"] != "CONFIG_A=y, CONFIG_B=m" || len(got) != 1 {
		t.Errorf("options: %v", got)
	}
	b.Options = nil
	if got := b.origin(t.Context(), s, k); got != nil {
		t.Errorf("nothing of the user's: %v", got)
	}
}
