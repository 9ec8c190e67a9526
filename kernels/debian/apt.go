// SPDX-License-Identifier: Apache-2.0

package debian

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"lastpage/kernels/store"
)

// archive is a private apt: its own sources, lists and caches in dir, and of the machine's configuration only what says how to
// reach the network.
type archive struct {
	dir  string
	conf string // its apt.conf
}

// keyring is the archive's, from debian-archive-keyring. Without it apt's own trusted keys decide.
const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// apt sets up the private apt for a suite ("" = the machine's own release).
func apt(ctx context.Context, suite string) (*archive, error) {
	root, err := store.Root()
	if err != nil {
		return nil, err
	}
	name := suite
	if name == "" {
		name = "release"
	}
	a := &archive{dir: filepath.Join(root, "apt", name)}
	a.conf = filepath.Join(a.dir, "apt.conf")
	for _, d := range []string{"lists/partial", "cache/archives/partial", "state"} {
		if err := os.MkdirAll(filepath.Join(a.dir, d), 0o755); err != nil {
			return nil, store.Wrote(a.dir, err)
		}
	}
	dump, err := output(ctx, "", nil, "apt-config", "dump")
	if err != nil {
		return nil, fmt.Errorf("read apt's configuration: %w", err)
	}
	targets, err := output(ctx, "", nil, "apt-get", "indextargets", "--format", targetFormat, "Created-By: Packages")
	if err != nil {
		return nil, fmt.Errorf("read apt's sources: %w", err)
	}
	release, err := codename("/etc/os-release")
	if err != nil {
		return nil, err
	}
	sources, err := sourcesFor(parseTargets(targets), release, suite)
	if err != nil {
		return nil, err
	}
	// Sources may carry a user name and a password.
	for _, f := range []struct {
		path string
		data string
		mode os.FileMode
	}{
		{filepath.Join(a.dir, "sources.list"), sources, 0o600},
		{filepath.Join(a.dir, "status"), "", 0o644}, // no package is installed here
		{a.conf, confFor(a.dir, string(dump)), 0o600},
	} {
		if err := replace(f.path, []byte(f.data), f.mode); err != nil {
			return nil, store.Wrote(a.dir, err)
		}
	}
	return a, nil
}

// confFor keeps the machine's Acquire settings (proxies, time limits, checks) and nothing else: hooks such as
// APT::Update::Post-Invoke would reach into the machine's own state.
func confFor(dir, dump string) string {
	var b strings.Builder
	for line := range strings.Lines(dump) {
		if strings.HasPrefix(line, "Acquire::") && !strings.HasPrefix(line, "Acquire::IndexTargets") && !strings.HasPrefix(line, "Acquire::Languages") {
			b.WriteString(line)
		}
	}
	fmt.Fprintf(&b, "Acquire::Languages \"none\";\n")
	fmt.Fprintf(&b, "Dir::Etc::parts \"/dev/null\";\nDir::Etc::main \"/dev/null\";\n")
	fmt.Fprintf(&b, "Dir::Etc::sourcelist %q;\nDir::Etc::sourceparts \"/dev/null\";\n", filepath.Join(dir, "sources.list"))
	fmt.Fprintf(&b, "Dir::Etc::preferences \"/dev/null\";\nDir::Etc::preferencesparts \"/dev/null\";\n")
	fmt.Fprintf(&b, "Dir::State %q;\nDir::State::lists %q;\nDir::State::status %q;\n",
		filepath.Join(dir, "state"), filepath.Join(dir, "lists"), filepath.Join(dir, "status"))
	fmt.Fprintf(&b, "Dir::Cache %q;\n", filepath.Join(dir, "cache"))
	// apt's own user cannot write below a home directory; the signature is checked all the same.
	fmt.Fprintf(&b, "APT::Sandbox::User \"\";\n")
	return b.String()
}

// fresh is how old lists may be for a package that was never resolved here.
const fresh = 10 * time.Minute

// update brings the lists up to date if they are older than fresh, or at once if forced.
func (a *archive) update(ctx context.Context, force bool, say func()) error {
	unlock, err := store.Lock(ctx, filepath.Join(a.dir, "update.lock"), nil)
	if err != nil {
		return err
	}
	defer unlock()
	stamp := filepath.Join(a.dir, "updated")
	if st, err := os.Stat(stamp); err == nil && !force && time.Since(st.ModTime()) < fresh {
		return nil
	}
	say()
	// Without Error-Mode=any a mirror that cannot be reached is a warning and the old lists are used in silence.
	if _, err := a.run(ctx, "", "apt-get", "-q", "-o", "APT::Update::Error-Mode=any", "update"); err != nil {
		return err
	}
	return replace(stamp, nil, 0o644)
}

func (a *archive) run(ctx context.Context, dir string, args ...string) ([]byte, error) {
	return output(ctx, dir, []string{"APT_CONFIG=" + a.conf}, args...)
}

// output runs a command and returns its standard output. The command dies with us, so that it cannot write into a directory
// that the next builder is sweeping.
func output(ctx context.Context, dir string, env []string, args ...string) ([]byte, error) {
	cmd := store.Command(ctx, "", args...)
	cmd.Dir = dir
	cmd.Env = append(append(cmd.Env, "LC_ALL=C"), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err == nil {
		return out, nil
	}
	if errors.Is(err, exec.ErrNotFound) {
		return nil, fmt.Errorf("run %s: %w (this needs a Debian machine)", args[0], err)
	}
	return nil, fmt.Errorf("run %s: %w: %s", strings.Join(args, " "), err, lastLines(stderr.String(), 4))
}

func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "; ")
}

// replace writes a file in one step.
func replace(path string, data []byte, mode os.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err := errors.Join(err, f.Chmod(mode), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
