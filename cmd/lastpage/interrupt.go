// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// interruptible ends the context at the first signal, so that what is under way is put in order, and the program at the second, whatever
// hangs: every child is bound to die with it.
func interruptible(parent context.Context, exit func(code int)) context.Context {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		<-signals
		cancel()
		<-signals
		fmt.Fprintln(os.Stderr, "\nlastpage: ended at once; what was under way is left unfinished")
		exit(exitLabFailed)
	}()
	return ctx
}
