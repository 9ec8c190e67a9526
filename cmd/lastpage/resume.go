// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"lastpage/harness/compare"
)

var errInterrupted = errors.New("interrupted")

// pressed says whether an error came of a Ctrl-C. A program that we had just forked may die of it before it is in a process group of its own.
func pressed(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return true
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return false
	}
	w, ok := exit.Sys().(syscall.WaitStatus)
	return ok && w.Signaled() && w.Signal() == syscall.SIGINT
}

// unfinished is an error that left a folder, with which a command goes on.
type unfinished struct {
	err          error
	dir, command string
}

func (u *unfinished) Error() string {
	return fmt.Sprintf("%v\nlastpage: what was finished is kept in %s; this goes on with it:\n  %s", u.err, u.dir, u.command)
}

func (u *unfinished) Unwrap() error { return u.err }

// resumable adds the command that goes on with what an error left in dir, if that is worth anything.
func resumable(err error, cmd *cobra.Command, dir string) error {
	var busy *compare.BusyError
	var differs *compare.DiffersError
	if err == nil || errors.As(err, &busy) || errors.As(err, &differs) || !holdsAnything(dir) {
		return err
	}
	if pressed(cmd.Context(), err) {
		err = errInterrupted
	}
	return &unfinished{err, dir, again(os.Args, dir)}
}

func holdsAnything(dir string) bool {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			return err == nil
		}
	}
	return false
}

// again is a command line with --out dir.
func again(args []string, dir string) string {
	var out []string
	for i := 0; i < len(args); i++ {
		switch a := args[i]; {
		case a == "--out" || a == "--resume":
			i++
		case strings.HasPrefix(a, "--out=") || strings.HasPrefix(a, "--resume="):
		default:
			out = append(out, quoted(a))
		}
	}
	return strings.Join(append(out, "--out", quoted(dir)), " ")
}

// quoted is a word as a shell takes it.
func quoted(s string) string {
	if s != "" && !strings.ContainsAny(s, " \t\n\"'\\$`*?[]{}()<>|&;#~!") {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
