// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"lastpage/capture/port"
	"lastpage/capture/wire"
)

// recording is a port that is recorded into a folder.
type recording struct {
	name   string // of the folder, below that of all of them; "": it is the only one
	dir    string
	port   *port.Port
	report *port.Report // after run
	bytes  int64        // likewise
}

// openRecording opens the port. Nothing is on disk yet.
func openRecording(ctx context.Context, cfg port.Config, name, dir string, said *speaker) (*recording, error) {
	r := &recording{name: name, dir: dir}
	cfg.Tell = func(s string) { said.say("\nlastpage: %s%s\n", r.prefix(), s) }
	p, err := port.Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	r.port = p
	return r, nil
}

func (r *recording) prefix() string {
	if r.name == "" {
		return ""
	}
	return r.name + ": "
}

// run records into the folder, which must be there, until ctx ends or no more can come.
func (r *recording) run(ctx context.Context) error {
	w, err := wire.Create(r.dir, wire.Monotonic, r.port.Log().Frame())
	if err != nil {
		r.port.Close()
		return fmt.Errorf("--out %s: %w", r.dir, err)
	}
	r.report, err = r.port.Run(ctx, w)
	r.bytes = r.port.Log().Len()
	return errors.Join(err, r.report.Save(r.dir))
}

// void says why nothing may be graded on it; "": nothing was seen to be lost.
func (r *recording) void() string {
	if r.report == nil || len(r.report.Void) == 0 {
		return ""
	}
	return fmt.Sprintf("%s: nothing may be graded on this capture: %s", r.dir, strings.Join(r.report.Void, "; "))
}
