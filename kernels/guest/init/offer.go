// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"lastpage/kernels/plan"
)

// vmcore is the memory of the kernel that died (fs/proc/vmcore.c).
const vmcore = "/proc/vmcore"

// Waits of an offer: between two calls, for an answer, and for everything.
const (
	callEvery  = time.Second
	callAnswer = 30 * time.Second
	callLimit  = 10 * time.Minute
)

// core is a memory image.
type core interface {
	ReadAt([]byte, int64) (int, error)
}

// open opens the memory of the kernel before.
func open(o *plan.Offer) (core, int64, error) {
	if o.Kept {
		spans, err := plan.ParseMemory(line("/proc/cmdline"))
		if err != nil {
			return nil, 0, err
		}
		fd, err := syscall.Open("/dev/mem", syscall.O_RDONLY, 0)
		if err != nil {
			return nil, 0, fmt.Errorf("open /dev/mem: %w", err)
		}
		k, err := newKept(spans[0], spans[1:], memory{fd})
		if err != nil {
			return nil, 0, err
		}
		return k, k.Size(), nil
	}
	f, err := os.Open(vmcore)
	if err != nil {
		return nil, 0, err
	}
	st, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	return f, st.Size(), nil
}

// offer calls until the memory was read.
func offer(o *plan.Offer) error {
	image, size, err := open(o)
	if err != nil {
		return fmt.Errorf("offer the memory of the kernel before: %w", err)
	}
	if err := network(o); err != nil {
		return err
	}
	ip, port, err := plan.ParseAddr(o.To, ':', 1<<16-1)
	if err != nil {
		return err
	}
	for begin := time.Now(); ; time.Sleep(callEvery) {
		err := call(ip, port, image, size)
		if err == nil {
			return nil
		}
		if time.Since(begin) > callLimit {
			return fmt.Errorf("offer the memory of the kernel before to %s: %w", o.To, err)
		}
	}
}

// call offers once. nil: whoever answered has what he wanted.
func call(ip [4]byte, port int, image core, size int64) error {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	s := os.NewFile(uintptr(fd), "socket") // blocking, as it was made
	defer s.Close()
	wait := syscall.NsecToTimeval(int64(callAnswer))
	for _, opt := range []int{syscall.SO_RCVTIMEO, syscall.SO_SNDTIMEO} {
		if err := syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, opt, &wait); err != nil {
			return err
		}
	}
	if err := syscall.Connect(fd, &syscall.SockaddrInet4{Port: port, Addr: ip}); err != nil {
		return err
	}
	return serve(s, image, size)
}

// stream is a connection.
type stream interface {
	Read([]byte) (int, error)
	Write([]byte) (int, error)
}

// serve greets and answers.
func serve(s stream, image core, size int64) error {
	if _, err := fmt.Fprintf(s, "%s %d\n", plan.OfferWord, size); err != nil {
		return err
	}
	var ask [16]byte
	buf := make([]byte, 8+plan.MaxOffer)
	for {
		for n := 0; n < len(ask); {
			m, err := s.Read(ask[n:])
			if err == nil && m == 0 || err != nil {
				return errors.Join(errors.New("the connection ended"), err)
			}
			n += m
		}
		off, length := binary.BigEndian.Uint64(ask[:]), binary.BigEndian.Uint64(ask[8:])
		if length == 0 {
			return nil
		}
		n, err := image.ReadAt(buf[8:8+min(length, plan.MaxOffer)], int64(off))
		said := int64(n)
		var errno syscall.Errno
		if n == 0 && errors.As(err, &errno) {
			said = -int64(errno)
		}
		binary.BigEndian.PutUint64(buf, uint64(said))
		if _, err := s.Write(buf[:8+n]); err != nil {
			return err
		}
	}
}
