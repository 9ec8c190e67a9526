// SPDX-License-Identifier: Apache-2.0

package build

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"lastpage/kernels/store"
)

// maker runs make in a work tree and logs everything it says. The log outlives a build that fails.
type maker struct {
	args []string
	env  []string
	log  *os.File
	tmp  string // the compilers' temporary files: a compiler that is killed leaves some
}

func (b *builder) newMake() (*maker, error) {
	root, err := store.Root()
	if err != nil {
		return nil, err
	}
	logs := filepath.Join(root, "build-log")
	if err := os.MkdirAll(logs, 0o755); err != nil {
		return nil, err
	}
	tmp := b.w.file("tmp")
	if err := errors.Join(os.RemoveAll(tmp), os.Mkdir(tmp, 0o755)); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(logs, b.key+".log"))
	if err != nil {
		return nil, err
	}
	jobs := b.Jobs
	if jobs <= 0 {
		jobs = runtime.NumCPU()
	}
	cc := b.cc.cc
	if b.cc.ccache != "" {
		cc = "ccache " + cc
	}
	return &maker{
		args: []string{"nice", "-n", "5", "make", "--no-print-directory", "-C", b.w.src, "O=" + b.w.obj, fmt.Sprintf("-j%d", jobs), "CC=" + cc,
			// The same inputs give the same bytes, whoever builds, and when. LOCALVERSION keeps git out of the release.
			"KBUILD_BUILD_TIMESTAMP=Thu Jan  1 00:00:00 UTC 1970", "KBUILD_BUILD_USER=lastpage", "KBUILD_BUILD_HOST=lastpage",
			"KBUILD_BUILD_VERSION=1", "LOCALVERSION="},
		// With the base directory, trees of the same source in other places hit the same entries.
		env: []string{"CCACHE_DIR=" + filepath.Join(root, "ccache"), "CCACHE_BASEDIR=" + b.w.root, "CCACHE_NOHASHDIR=1", "CCACHE_MAXSIZE=4G",
			"TMPDIR=" + tmp},
		log: log, tmp: tmp,
	}, nil
}

func (m *maker) close() {
	m.log.Close()
	_ = os.RemoveAll(m.tmp) // the next build in this tree does it again
}

// run makes the targets and calls line (may be nil) with every line of output. A make that fails is an *Error.
func (m *maker) run(ctx context.Context, step string, line func(string), targets ...string) error {
	args := append(append([]string{}, m.args...), targets...)
	start, err := m.log.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	fmt.Fprintf(m.log, "$ %s\n", strings.Join(args, " "))
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() {
		defer r.Close()
		done <- copyLines(m.log, r, line)
	}()
	err = group(ctx, m.env, w, args...)
	w.Close()
	logErr := <-done
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", step, ctx.Err())
	case err != nil:
		text, terr := failure(m.log.Name(), start)
		return &Error{Step: step, Text: text, Log: m.log.Name(), Err: errors.Join(err, terr)}
	}
	return logErr
}

func copyLines(log io.Writer, r io.Reader, line func(string)) error {
	in := bufio.NewReader(r)
	var logErr error
	for {
		s, err := in.ReadString('\n')
		if s != "" {
			// make must not block on a full pipe, so reading goes on when the disk is full.
			if _, werr := io.WriteString(log, s); werr != nil && logErr == nil {
				logErr = fmt.Errorf("write build log: %w", werr)
			}
			if line != nil {
				line(strings.TrimSuffix(s, "\n"))
			}
		}
		if err == io.EOF {
			return logErr
		}
		if err != nil {
			return err
		}
	}
}

func (m *maker) keepLog(to string) error {
	if err := m.log.Sync(); err != nil {
		return err
	}
	if err := copyFile(m.log.Name(), to); err != nil {
		return err
	}
	return os.Remove(m.log.Name())
}

const maxErrorLines = 20

// failure finds what the compiler said in a log: from the first line that is an error on.
func failure(log string, from int64) (string, error) {
	f, err := os.Open(log)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if _, err := f.Seek(from, io.SeekStart); err != nil {
		return "", err
	}
	return firstError(f), nil
}

func firstError(r io.Reader) string {
	in := bufio.NewReader(r)
	var tail, found []string
	for len(found) < maxErrorLines {
		s, err := in.ReadString('\n')
		if s = strings.TrimRight(s, "\n"); s != "" {
			switch {
			case len(found) > 0:
				found = append(found, s)
			case isError(s):
				// gcc says before it in which function, and from where it was included.
				found = append(context3(tail), s)
			default:
				tail = append(tail, s)
				tail = tail[max(0, len(tail)-maxErrorLines):]
			}
		}
		if err != nil {
			break
		}
	}
	if found == nil {
		found = tail
	}
	return strings.Join(found, "\n")
}

func isError(s string) bool {
	for _, sign := range []string{"error:", "Error:", "ERROR:", "undefined reference", "No rule to make target", "*** "} {
		if strings.Contains(s, sign) {
			return true
		}
	}
	return false
}

// context3 is what leads to an error among the last three lines: kbuild's own lines do not.
func context3(tail []string) []string {
	var keep []string
	for _, s := range tail[max(0, len(tail)-3):] {
		if !strings.HasPrefix(s, "  ") || strings.HasPrefix(s, "   ") {
			keep = append(keep, s)
		}
	}
	return keep
}
