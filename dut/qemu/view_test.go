// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"lastpage/dut/child"
)

// A view is the file where its process wrote nothing, and what the process wrote elsewhere; the file stays as it is.
func TestViewIsWhatItsProcessSees(t *testing.T) {
	page := os.Getpagesize()
	ram, err := NewRAM(int64(4 * page))
	if err != nil {
		t.Fatal(err)
	}
	defer ram.Close()
	if _, err := ram.file.WriteAt([]byte("as it was"), int64(page)); err != nil {
		t.Fatal(err)
	}
	mine, err := ram.private()
	if err != nil {
		t.Fatal(err)
	}
	defer mine.Close()
	buf := make([]byte, 9)
	if _, err := mine.ReadAt(buf, 0); err == nil {
		t.Error("memory that no process has is read")
	}
	if err := mine.memory.(*view).attach(os.Getpid(), mine.file); err == nil {
		t.Fatal("a mapping that is shared is taken for one of the guest's own")
	}
	m, err := unix.Mmap(int(mine.file.Fd()), 0, 4*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Munmap(m) }()
	if err := mine.memory.(*view).attach(os.Getpid(), mine.file); err != nil {
		t.Fatal(err)
	}
	copy(m[2*page:], "of my own")
	for off, want := range map[int64]string{int64(page): "as it was", int64(2 * page): "of my own"} {
		if n, err := mine.ReadAt(buf, off); err != nil || string(buf[:n]) != want {
			t.Errorf("at %d: %q, %v; want %q", off, buf[:n], err, want)
		}
	}
	if _, err := ram.ReadAt(buf, int64(2*page)); err != nil || buf[0] != 0 {
		t.Errorf("the file has %q, %v; nobody wrote into it", buf, err)
	}
	if n, err := mine.ReadAt(buf, mine.Size()-4); n != 4 || !errors.Is(err, io.EOF) {
		t.Errorf("over the end: %d bytes, %v", n, err)
	}
	if n, err := mine.ReadAt(buf, mine.Size()); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("after the end: %d bytes, %v", n, err)
	}
}

func TestViewOfAProcessThatIsGone(t *testing.T) {
	p, err := child.Start([]string{"sleep", "1000"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	ram, err := NewRAM(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	defer ram.Close()
	v := view{size: 1 << 20}
	if err := v.attach(p.PID(), ram.file); err == nil || !strings.Contains(err.Error(), "it has not mapped 1 MiB") {
		t.Errorf("a process without the memory: %v", err)
	}
	if !readable(p.PID()) {
		t.Skip("this machine lets nobody read a child's memory; snapshots are copied then")
	}
	if v.mem, err = os.Open(memoryOf(p.PID())); err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	p.Kill()
	if n, err := v.ReadAt(make([]byte, 8), 0); n != 0 || err == nil || !strings.Contains(err.Error(), "QEMU is gone") {
		t.Errorf("%d bytes, %v", n, err)
	}
}
