// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"lastpage/capture/ring"
	"lastpage/dut"
	"lastpage/kernels/plan"
)

// vmcoreFile unpacks a real dump.
func vmcoreFile(t *testing.T) string {
	t.Helper()
	f, err := os.Open("../../capture/ring/testdata/dumps/arm64-qemu/vmcore.elf.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "vmcore")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, z); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// caller is a crash kernel that offers a file, and may go wrong. It answers so many questions, then its connection ends; -1: all.
func caller(addr, word, path string, answers int, errno int64) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	var c net.Conn
	for begin := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		if c, err = net.Dial("tcp", addr); err == nil {
			break
		}
		if time.Since(begin) > 10*time.Second {
			return err
		}
	}
	defer c.Close()
	fmt.Fprintf(c, "%s %d\n", word, st.Size())
	for ; answers != 0; answers-- {
		var ask [16]byte
		if _, err := io.ReadFull(c, ask[:]); err != nil {
			return err
		}
		off, n := binary.BigEndian.Uint64(ask[:]), binary.BigEndian.Uint64(ask[8:])
		if n == 0 {
			return nil
		}
		if errno != 0 {
			if err := binary.Write(c, binary.BigEndian, -errno); err != nil {
				return err
			}
			continue
		}
		data := make([]byte, n)
		m, err := f.ReadAt(data, int64(off))
		if m == 0 {
			return err
		}
		if err := binary.Write(c, binary.BigEndian, int64(m)); err != nil {
			return err
		}
		if _, err := c.Write(data[:m]); err != nil {
			return err
		}
	}
	return errors.New("cut")
}

// receiver is a dump that listens at a port that was free.
func receiver(t *testing.T) *Kdump {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	k := &Kdump{Receiver: Receiver{Listen: addr, To: addr, Address: "10.0.2.15/24"}}
	if err := k.Check(); err != nil {
		t.Fatal(err)
	}
	return k
}

// The ringbuffer of a machine that offers its memory is that of the same memory in a file, though little of it was asked for.
func TestKdump(t *testing.T) {
	path, k, dir := vmcoreFile(t), receiver(t), t.TempDir()
	said := make(chan error, 2)
	go func() {
		_ = caller(k.Listen, "GET / HTTP/1.0", path, 0, 0) // a stranger is not taken for one
		said <- caller(k.Listen, plan.OfferWord, path, -1, 0)
	}()
	if err := k.Dump(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	if err := <-said; err != nil {
		t.Errorf("the crash kernel was not told that it is done: %v", err)
	}
	want, err := ring.Load(t.Context(), path, ring.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := ring.Load(t.Context(), filepath.Join(dir, dut.DumpName), ring.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(want.Records) == 0 || !reflect.DeepEqual(got.Records, want.Records) {
		t.Errorf("%d records, want %d", len(got.Records), len(want.Records))
	}
}

// A vmcore that never comes, half of one, and memory that cannot be read: each has its words, and leaves nothing that looks like a dump.
func TestKdumpFails(t *testing.T) {
	path := vmcoreFile(t)
	for _, c := range []struct {
		name    string
		answers int
		errno   int64
		want    string
	}{
		{"never", -1, 0, "no crash kernel called 127.0.0.1:"},
		{"half", 3, 0, "the connection broke"},
		{"unreadable", -1, 5, "input/output error"},
	} {
		t.Run(c.name, func(t *testing.T) {
			k, dir := receiver(t), t.TempDir()
			if c.name == "never" {
				k.Within = 200 * time.Millisecond
			} else {
				go func() { _ = caller(k.Listen, plan.OfferWord, path, c.answers, c.errno) }()
			}
			err := k.Dump(t.Context(), dir)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			if _, err := os.Stat(filepath.Join(dir, dut.DumpName)); err == nil {
				t.Error("it left a dump")
			}
		})
	}
}

// A machine that lives has no memory to bring; nothing waits for it.
func TestKdumpOfTheLiving(t *testing.T) {
	s, load := setup(t, &peer{}, backlog(3))
	s.Dump = receiver(t)
	b, _, err := play(t, s, load, dut.Trigger{Name: "end", When: dut.AtQuiet, N: int64(50 * time.Millisecond), Do: dut.Stop})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Dump(t.Context(), t.TempDir()); !errors.Is(err, errLives) {
		t.Errorf("error %v", err)
	}
}

// A kernel that we struck may be dead without a word, and its crash kernel silent: the call is waited for.
func TestKdumpOfTheSilent(t *testing.T) {
	s, load := setup(t, &peer{nmi: func(func(string)) {}}, backlog(3))
	k := receiver(t)
	s.Dump = k
	b, _, err := play(t, s, load, dut.Trigger{Name: "inject", When: dut.AtByte, N: 1, Do: dut.NMI},
		dut.Trigger{Name: "end", When: dut.AtQuiet, N: int64(50 * time.Millisecond), After: "inject", Do: dut.Stop})
	if err != nil {
		t.Fatal(err)
	}
	path, dir := vmcoreFile(t), t.TempDir()
	go func() { _ = caller(k.Listen, plan.OfferWord, path, -1, 0) }()
	if err := b.Dump(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, dut.DumpName)); err != nil {
		t.Error(err)
	}
}

func TestKdumpRefused(t *testing.T) {
	for _, c := range []struct {
		k    Kdump
		want string
	}{
		{Kdump{Receiver: Receiver{Listen: "7391", To: "10.0.2.2:7391", Address: "10.0.2.15/24"}}, "listen: want HOST:PORT"},
		{Kdump{Receiver: Receiver{Listen: ":7391", To: "server:7391", Address: "10.0.2.15/24"}}, `"server" is no IPv4 address`},
		{Kdump{Receiver: Receiver{Listen: ":7391", To: "10.0.2.2:7391", Address: "10.0.2.15"}}, "address: want the board's"},
		{Kdump{Receiver: Receiver{Listen: ":7391", To: "10.0.2.2:7391", Address: "10.0.2.15/33"}}, "1 to 32"},
		{Kdump{Receiver: Receiver{Listen: ":7391", To: "10.0.2.2:7391", Address: "10.0.2.15/24", Gateway: "x"}}, "gateway"},
		{Kdump{Receiver: Receiver{Listen: ":7391", To: "10.0.2.2:7391", Address: "10.0.2.15/24", Within: -1}}, "above 0"},
	} {
		if err := c.k.Check(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.k, err, c.want)
		}
	}
}
