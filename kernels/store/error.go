// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"errors"
	"fmt"
	"syscall"
)

// WriteError says that the cache cannot be written: a matter of this machine, not of the network or of a kernel.
type WriteError struct {
	Path string
	Err  error
}

func (e *WriteError) Error() string {
	cure := "make it writable, or set LASTPAGE_CACHE to a folder that is"
	if errors.Is(e.Err, syscall.ENOSPC) || errors.Is(e.Err, syscall.EDQUOT) {
		cure = "make room there, or set LASTPAGE_CACHE to a folder on another disk"
	}
	return fmt.Sprintf("cache %s cannot be written: %v\n  cure: %s", e.Path, e.Err, cure)
}

func (e *WriteError) Unwrap() error { return e.Err }

// Wrote is err as a *WriteError of path, or nil. What is one already stays as it is.
func Wrote(path string, err error) error {
	var w *WriteError
	if err == nil || errors.As(err, &w) {
		return err
	}
	return &WriteError{path, err}
}

// full says whether err is a disk without room, whoever found out.
func full(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// AbsentError names what is not in the cache and was not to be made.
type AbsentError struct{ What string }

func (e *AbsentError) Error() string { return e.What + " is not in the cache" }

type only struct{}

// Only is a context in which nothing is fetched and nothing made: whoever needs what is not there gets an *AbsentError.
func Only(ctx context.Context) context.Context { return context.WithValue(ctx, only{}, true) }

// Absent is an *AbsentError of what in a context made by Only, and nil in any other.
func Absent(ctx context.Context, what string) error {
	if ctx.Value(only{}) == nil {
		return nil
	}
	return &AbsentError{what}
}
