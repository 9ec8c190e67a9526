// SPDX-License-Identifier: Apache-2.0

// Command up brings the bench of parts up, says where its inventory is, and takes it down when it is interrupted. `make bench-up` starts it.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"lastpage/specs/parts"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: up LASTPAGE DIR")
		os.Exit(3)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "up:", err)
		os.Exit(3)
	}
}

func run(lastpage, dir string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	lastpage, err := filepath.Abs(lastpage)
	if err == nil {
		dir, err = filepath.Abs(dir)
	}
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err != nil {
		return err
	}
	b, err := parts.Start(context.WithoutCancel(ctx), parts.Options{Lastpage: lastpage, Dir: dir, Prefix: "parts-", Log: os.Stderr})
	if err != nil {
		return err
	}
	for _, l := range b.Lacks {
		fmt.Fprintln(os.Stderr, "up: not there:", l)
	}
	fmt.Println(b.Inventory)
	<-ctx.Done()
	return b.Stop()
}
