// SPDX-License-Identifier: Apache-2.0

// Package command runs the command lines of an inventory: what a lab has for its switches and dumps, whatever that is. In: a line for sh,
// words for its environment, a limit. Out: what it printed, or an error with its last words.
package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"lastpage/kernels/store"
)

// keep bounds what is kept of a command's output, bytes at its end.
const keep = 64 << 10

// Run runs line with sh. env holds NAME=VALUE, in addition to this process's own. All that it has started is killed when the limit is over
// or ctx ends.
func Run(ctx context.Context, line string, limit time.Duration, env ...string) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("it was not done after %s", limit))
	defer cancel()
	cmd := store.Command(ctx, "", "sh", "-c", line)
	cmd.Env = append(cmd.Env, env...)
	out := &end{}
	cmd.Stdout, cmd.Stderr = out, out
	err := cmd.Run()
	said := strings.TrimSpace(strings.ToValidUTF8(out.String(), "?"))
	if err == nil {
		return said, nil
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if said == "" {
		return "", fmt.Errorf("command %q: %w; it said nothing", line, err)
	}
	if exit := new(exec.ExitError); errors.As(err, &exit) && exit.ExitCode() == notFound {
		return said, fmt.Errorf("command %q: %w: %s: install that program, or write its whole path", line, err, last(said))
	}
	return said, fmt.Errorf("command %q: %w: %s", line, err, last(said))
}

// notFound is the status of a shell that has not found a program.
const notFound = 127

// last is the last line of what was said.
func last(said string) string { return said[strings.LastIndexByte(said, '\n')+1:] }

// end keeps the end of what is written to it.
type end struct{ bytes.Buffer }

func (e *end) Write(b []byte) (int, error) {
	e.Buffer.Write(b)
	if n := e.Len() - keep; n > 0 {
		e.Next(n)
	}
	return len(b), nil
}
