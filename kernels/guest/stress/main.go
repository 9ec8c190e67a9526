// SPDX-License-Identifier: Apache-2.0

// Command stress runs on a board whose line is calibrated: it sends a pattern over the console's port at its full rate, judges the one that
// comes back after it, and prints what it knows. The kernel is silent meanwhile, and the port is afterwards as it was.
//
// It is compiled on the machine that runs lastpage, at first use, with nothing but the standard library.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"

	"lastpage/capture/pattern"
)

func main() {
	port := flag.String("port", "/dev/ttyS0", "the console's port")
	send := flag.Duration("time", 10*time.Second, "how long is sent")
	own := flag.Uint("send", 0, "ID of the stream that is sent")
	other := flag.Uint("hear", 0, "ID of the stream that comes")
	wait := flag.Duration("wait", 30*time.Second, "how long the other stream is waited for")
	flag.Parse()
	a, err := calibrate(*port, *send, *wait, pattern.Stream{ID: uint32(*own), Form: pattern.Text}, pattern.Stream{ID: uint32(*other), Form: pattern.Text})
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(a)
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// quiet ends a stream whose end does not come.
const quiet = 10 * time.Second

func calibrate(name string, send, wait time.Duration, own, other pattern.Stream) (a *pattern.Account, err error) {
	hush, err := silence()
	if err != nil {
		return nil, err
	}
	defer hush()
	t, err := openTTY(name)
	if err != nil {
		return nil, err
	}
	defer func() {
		if cerr := t.close(); err == nil {
			err = cerr
		}
	}()
	a = &pattern.Account{Port: name}
	begin := time.Now()
	w := own.Writer(-1)
	for b := []byte(nil); !w.Over(); {
		if time.Since(begin) >= send {
			w.End()
		}
		b = w.Next(b[:0], 8)
		if err := t.write(b); err != nil {
			return nil, err
		}
	}
	if err := t.drain(); err != nil {
		return nil, err
	}
	a.Sent, a.SentNS = w.Made()*pattern.FrameBytes, int64(time.Since(begin))
	before, counted := t.counters()
	if err := hear(t, a, wait, other.Reader()); err != nil {
		return nil, err
	}
	if after, ok := t.counters(); ok && counted {
		over := int64(uint32(after.overrun-before.overrun)) + int64(uint32(after.bufOver-before.bufOver))
		framing, parity := int64(uint32(after.frame-before.frame)), int64(uint32(after.parity-before.parity))
		a.Overruns, a.Framing, a.Parity = &over, &framing, &parity
	}
	return a, nil
}

// hear judges what comes until it ends, or nothing comes any more.
func hear(t *tty, a *pattern.Account, wait time.Duration, r *pattern.Reader) error {
	buf := make([]byte, 4096)
	begin := time.Now()
	var first, last time.Time
	for !r.Done() {
		n, err := t.read(buf)
		if err != nil {
			return err
		}
		now := time.Now()
		if n > 0 {
			if first.IsZero() {
				first = now
			}
			last = now
			r.Feed(buf[:n])
			continue
		}
		if first.IsZero() && now.Sub(begin) > wait || !first.IsZero() && now.Sub(last) > quiet {
			break
		}
	}
	res := r.Finish()
	res.Faults = res.Faults[:min(len(res.Faults), pattern.ToldFaults)]
	a.Heard = &res
	if d := int64(last.Sub(first)); d > 0 {
		a.HeardNS = &d
	}
	return nil
}
