// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// document reads the one JSON document of out, and fails if there are more, if it names no schema, or if a name in it is in another style.
func document(t *testing.T, out string) map[string]any {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(out))
	var doc map[string]any
	if err := dec.Decode(&doc); err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	var more any
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		t.Errorf("more than one document: %v", more)
	}
	if s, _ := doc["schema"].(string); !schemas.MatchString(s) {
		t.Errorf("schema %q", s)
	}
	styled(t, "", doc)
	return doc
}

var (
	schemas = regexp.MustCompile(`^lastpage\.[a-z]+/[1-9][0-9]*$`)
	style   = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)
)

func styled(t *testing.T, at string, v any) {
	t.Helper()
	switch v := v.(type) {
	case map[string]any:
		for name, x := range v {
			if !style.MatchString(name) {
				t.Errorf("name %q in %q", name, at)
			}
			styled(t, at+"."+name, x)
		}
	case []any:
		for _, x := range v {
			styled(t, at, x)
		}
	}
}

func TestDocuments(t *testing.T) {
	for _, c := range []struct {
		call
		want string // a field
	}{
		{call{args: []string{"boards", "list", "--json"}}, "boards"},
		{call{args: []string{"kernels", "list", "--json"}}, "strategies"},
		{call{args: []string{"version", "--json"}}, "revision"},
		{call{args: []string{"doctor", "--json"}, exit: exitLabFailed, path: "/nonexistent"}, "findings"},
		{call{args: []string{"grade", "--wire", "text", "--json"}, exit: exitInconclusive}, "sections"},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			out, _ := c.do(t, badInput(t))
			if doc := document(t, out); doc[c.want] == nil && c.want != "revision" {
				t.Errorf("no %s in it:\n%s", c.want, out)
			}
		})
	}
}

// A port that cannot be opened leaves nothing, neither a folder nor the one above it.
func TestCaptureLeavesNothing(t *testing.T) {
	t.Chdir(t.TempDir())
	var out, errs bytes.Buffer
	if rc := run(t.Context(), []string{"capture", "/dev/null"}, &out, &errs); rc != exitLabFailed {
		t.Errorf("status %d: %s", rc, errs.String())
	}
	if left, err := os.ReadDir("."); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

// A capture that ends by Ctrl-C reports itself as one document.
func TestCaptureDocument(t *testing.T) {
	t.Chdir(t.TempDir())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, interrupt := context.WithCancel(t.Context())
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = c.Write([]byte("hello\r\n"))
		time.Sleep(50 * time.Millisecond)
		interrupt()
		<-t.Context().Done()
	}()
	var out, errs bytes.Buffer
	code := run(ctx, []string{"capture", "tcp:" + l.Addr().String(), "--out", "boot", "--json"}, &out, &errs)
	doc := document(t, out.String())
	if doc["schema"] != "lastpage.capture/1" || code != exitPassed {
		t.Errorf("exit status %d: %v\n%s", code, doc, &errs)
	}
}
