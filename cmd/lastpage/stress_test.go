// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"net"
	"strings"
	"testing"
)

// looped is a port with a plug: what is sent to it comes back, but for the byte at drop; below 0: for none.
func looped(t *testing.T, drop int) string { return plugged(t, drop, func(int) {}) }

// plugged tells seen how many bytes have come.
func plugged(t *testing.T, drop int, seen func(n int)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				buf := make([]byte, 4096)
				for n := 0; ; {
					got, err := c.Read(buf)
					if err != nil {
						return
					}
					out := buf[:got]
					if at := drop - n; at >= 0 && at < got {
						out = append(buf[:at:at], buf[at+1:got]...)
					}
					n += got
					seen(n)
					if _, err := c.Write(out); err != nil {
						return
					}
				}
			}()
		}
	}()
	return "tcp:" + l.Addr().String()
}

func stressing(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(t.Context(), append([]string{"stress"}, args...), &o, &e)
	return code, o.String(), e.String()
}

// One byte of a million is found through a real port, and decides the exit status.
func TestStressFindsOneOfAMillion(t *testing.T) {
	for _, form := range [][]string{nil, {"--text"}} {
		code, out, errs := stressing(t, append([]string{looped(t, 654_321), "--bytes", "1000000", "--quiet"}, form...)...)
		if code != exitKernelFailed || !strings.Contains(out, "1 lost, 0 changed, 0 doubled, 0 inserted") || !strings.Contains(errs, "1 were lost") {
			t.Errorf("exit status %d\n%s%s", code, out, errs)
		}
		if !strings.Contains(out, "at byte 65432") {
			t.Errorf("its place is not told:\n%s", out)
		}
	}
	code, out, errs := stressing(t, looped(t, -1), "--bytes", "1000000")
	if code != exitPassed || !strings.Contains(out, "0 lost, 0 changed") {
		t.Errorf("a clean line: exit status %d\n%s%s", code, out, errs)
	}
}

func TestStressDocument(t *testing.T) {
	code, out, errs := stressing(t, looped(t, 1000), "--bytes", "5000", "--json", "--quiet")
	doc := document(t, out)
	if code != exitKernelFailed || doc["schema"] != "lastpage.stress/1" || doc["clean"] != false || doc["baud"] != 0.0 {
		t.Errorf("exit status %d: %v\n%s", code, doc, errs)
	}
	line := doc["lines"].([]any)[0].(map[string]any)
	fault := line["heard"].(map[string]any)["faults"].([]any)[0].(map[string]any)
	if fault["kind"] != "lost" || fault["bytes"] != 1.0 || line["sent"] != 5056.0 {
		t.Errorf("%v", line)
	}
	code, out, _ = stressing(t, looped(t, -1), "--bytes", "5000", "--json", "--send")
	if line := document(t, out)["lines"].([]any)[0].(map[string]any); code != exitPassed || line["heard"] != nil || line["sent"] != 5056.0 {
		t.Errorf("exit status %d: %v", code, line)
	}
}

// A listener to which nobody sends has measured nothing: that is the lab's fault and not the line's.
func TestStressHearsNothing(t *testing.T) {
	code, _, errs := stressing(t, looped(t, -1), "--listen", "--time", "300ms", "--quiet")
	if code != exitLabFailed || !strings.Contains(errs, "no pattern came") {
		t.Errorf("exit status %d: %s", code, errs)
	}
}

// Ctrl-C ends it with what is known, and the stream has an end.
func TestStressInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var o, e bytes.Buffer
	port := plugged(t, -1, func(n int) {
		if n > 100_000 {
			cancel()
		}
	})
	code := run(ctx, []string{"stress", port, "--time", "1h", "--json", "--quiet"}, &o, &e)
	doc := document(t, o.String())
	heard := doc["lines"].([]any)[0].(map[string]any)["heard"].(map[string]any)
	if code != exitPassed || doc["interrupted"] != true || heard["ended"] != true || heard["matched"].(float64) < 100_000 {
		t.Errorf("exit status %d: %v\n%s", code, doc, &e)
	}
}
