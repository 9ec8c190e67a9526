// SPDX-License-Identifier: Apache-2.0

package store

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// A compiler that is interrupted takes those with it whom it has started, and leaves no temporary file anywhere.
func TestInterruptedCommand(t *testing.T) {
	t.Setenv("LASTPAGE_CACHE", t.TempDir())
	elsewhere := t.TempDir()
	t.Setenv("TMPDIR", elsewhere)
	ctx, interrupt := context.WithCancel(t.Context())
	child := 0
	_, err := Do(ctx, "thing", "a", nil, func(ctx context.Context, tmp string) error {
		cmd := Command(ctx, tmp, "sh", "-c", `mktemp >&2; sleep 1000 & echo $!; wait`)
		out, w := io.Pipe()
		cmd.Stdout = w
		go func() {
			line, err := bufio.NewReader(out).ReadString('\n')
			if err == nil {
				child, err = strconv.Atoi(strings.TrimSpace(line))
			}
			if err != nil {
				t.Error(err)
			}
			interrupt()
		}()
		return cmd.Run()
	})
	if err == nil || !errors.Is(ctx.Err(), context.Canceled) {
		t.Fatalf("error %v", err)
	}
	if stat, err := os.ReadFile("/proc/" + strconv.Itoa(child) + "/stat"); err == nil && !strings.Contains(string(stat), ") Z ") {
		t.Errorf("its child lives: %s", stat)
	}
	root, _ := Root()
	for _, pattern := range []string{filepath.Join(elsewhere, "*"), filepath.Join(root, "thing", "[^.]*"), filepath.Join(root, "thing", ".a.tmp-*")} {
		if left, _ := filepath.Glob(pattern); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
	}
}
