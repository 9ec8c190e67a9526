// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
)

// broken is memory of which some cannot be read.
type broken struct{ *strings.Reader }

func (b broken) ReadAt(p []byte, off int64) (int, error) {
	if off >= 100 {
		return 0, syscall.EIO
	}
	return b.Reader.ReadAt(p, off)
}

func TestServe(t *testing.T) {
	here, there := net.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- serve(there, broken{strings.NewReader("0123456789")}, 200) }()
	greeting := make([]byte, len("lastpage-vmcore 200\n"))
	if _, err := io.ReadFull(here, greeting); err != nil || string(greeting) != "lastpage-vmcore 200\n" {
		t.Fatalf("%q, %v", greeting, err)
	}
	ask := func(off, n uint64) int64 {
		t.Helper()
		if err := binary.Write(here, binary.BigEndian, [2]uint64{off, n}); err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return 0
		}
		var got int64
		if err := binary.Read(here, binary.BigEndian, &got); err != nil {
			t.Fatal(err)
		}
		return got
	}
	if n := ask(2, 5); n != 5 {
		t.Fatalf("%d bytes", n)
	}
	data := make([]byte, 5)
	if _, err := io.ReadFull(here, data); err != nil || !bytes.Equal(data, []byte("23456")) {
		t.Errorf("%q, %v", data, err)
	}
	if n := ask(150, 10); n != -int64(syscall.EIO) {
		t.Errorf("it says %d, want minus EIO", n)
	}
	ask(0, 0)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	// A connection that ends before is one that has to be made again.
	here, there = net.Pipe()
	go func() { ended <- serve(there, broken{strings.NewReader("0")}, 1) }()
	if _, err := io.ReadFull(here, make([]byte, len("lastpage-vmcore 1\n"))); err != nil {
		t.Fatal(err)
	}
	here.Close()
	if err := <-ended; err == nil {
		t.Error("it takes a broken connection for the end")
	}
}
