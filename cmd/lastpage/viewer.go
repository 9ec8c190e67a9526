// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"lastpage/capture/wire"
)

const (
	// window is what a capture holds in memory, in bytes; all of it is on disk. A viewer that is farther back misses something.
	window = 256 << 10
	// unseen is the same where nobody looks on: one block of the log.
	unseen = 1
	// viewerGrace is how long the end of a capture waits for who reads our output.
	viewerGrace = 500 * time.Millisecond
	// viewBytes is what is shown at a time.
	viewBytes = 16 << 10
)

// show prints what arrives with control characters made visible, until the log is closed. It reads the log: however slow the viewer is, it costs
// the capture nothing, and one that goes away leaves the capture alone.
func show(cmd *cobra.Command, log *wire.Log, said *speaker) {
	signal.Ignore(syscall.SIGPIPE)
	out := cmd.OutOrStdout()
	if o, ok := out.(*output); ok {
		out = o.Writer // what is shown is on disk too
	}
	for n := int64(0); ; {
		err := log.Wait(cmd.Context(), n+1)
		data, missed := log.From(n, viewBytes)
		if missed > 0 {
			said.say("\nlastpage: %d bytes are not shown: whoever reads this is too slow; all are recorded\n", missed)
		}
		n += missed + int64(len(data))
		if err != nil && len(data) == 0 {
			return
		}
		if _, werr := out.Write(forTerminal(data)); werr != nil {
			said.say("lastpage: nobody reads what is shown any more (%v); the recording goes on\n", werr)
			return
		}
	}
}

// speaker says things to somebody who may not listen: nothing that is said makes who says it wait.
type speaker struct {
	words chan string
	over  chan struct{}
	done  chan struct{}
	once  sync.Once
}

func newSpeaker(w io.Writer) *speaker {
	s := &speaker{words: make(chan string, 64), over: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(s.done)
		for {
			select {
			case text := <-s.words:
				fmt.Fprint(w, text)
				continue
			default:
			}
			select {
			case text := <-s.words:
				fmt.Fprint(w, text)
			case <-s.over:
				if len(s.words) == 0 {
					return
				}
			}
		}
	}()
	return s
}

// say is left out when 64 remarks wait.
func (s *speaker) say(format string, a ...any) {
	select {
	case s.words <- fmt.Sprintf(format, a...):
	default:
	}
}

// end waits a little for what was said; what is said later may be left out.
func (s *speaker) end() {
	s.once.Do(func() { close(s.over) })
	select {
	case <-s.done:
	case <-time.After(viewerGrace):
	}
}

// complain prints the last error of the program, to somebody who may not listen.
func complain(w io.Writer, err error) {
	s := newSpeaker(w)
	s.say("lastpage: %v\n", err)
	s.end()
}
