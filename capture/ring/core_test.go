// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// sample is a machine whose ring has wrapped, with a record of every kind.
func sample(t *testing.T, levels int, o prbOpts) (*machine, *Reader) {
	t.Helper()
	m := newMachine(levels)
	fillSample(m.newRing(o))
	return m, m.open(t)
}

func fillSample(r *prb) {
	for i := range 100 {
		r.printk(Record{TsNsec: uint64(i) * 1e6, Level: 6, State: Finalized, Text: bytes.Repeat([]byte{byte('a' + i%26)}, 1+i*7%60)})
	}
	r.printk(Record{State: Finalized, Text: []byte("two\nlines \x1b\xff")})
	r.printk(Record{State: Finalized})
	failed := r.printk(Record{State: Finalized})
	r.setDesc(r.id(failed.Seq), Finalized, failedPos, failedPos)
	r.reserve(20)
	r.printk(Record{State: Committed, Text: []byte("unfinished")})
}

func coreOf(t *testing.T, rd *Reader) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := rd.WriteCore(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func coreLog(b []byte) (*Log, error) {
	c, err := NewCore(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, err
	}
	return c.Log(context.Background())
}

func TestCoreRoundTrip(t *testing.T) {
	for _, levels := range []int{4, 5} {
		for _, grown := range []uint{0, 12, 21, 30} {
			_, rd := sample(t, levels, prbOpts{countBits: 6, dataBits: 11, grown: grown})
			want, err := rd.Log(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			b := coreOf(t, rd)
			if len(b) > 200<<10 {
				t.Errorf("%d levels, grown %d: %d bytes for a ring of 2 KiB", levels, grown, len(b))
			}
			got, err := coreLog(b)
			if err != nil {
				t.Fatalf("%d levels, grown %d: %v", levels, grown, err)
			}
			sameRecords(t, got.Records, want.Records)
			// A core of a core is the same core.
			c, err := NewCore(bytes.NewReader(b), int64(len(b)))
			if err != nil {
				t.Fatal(err)
			}
			again, err := c.Open(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(coreOf(t, again), b) {
				t.Errorf("%d levels, grown %d: the copy of a core differs", levels, grown)
			}
		}
	}
}

// Without page tables, what p_vaddr says is enough.
func TestCoreByVirtualAddress(t *testing.T) {
	m, rd := sample(t, 4, prbOpts{countBits: 6, dataBits: 11, grown: 12})
	b := coreOf(t, rd)
	want, err := coreLog(b)
	if err != nil {
		t.Fatal(err)
	}
	m.info["SYMBOL(init_top_pgt)"] = "0"
	note := []byte("SYMBOL(init_top_pgt)=ffffffff81000000")
	if !bytes.Contains(b, note) {
		t.Fatal("the note has changed")
	}
	got, err := coreLog(bytes.ReplaceAll(b, note, []byte("SYMBOL(some_other_sy)=ffffffff81000000")[:len(note)]))
	if err != nil {
		t.Fatal(err)
	}
	sameRecords(t, got.Records, want.Records)
}

// A core without a note: the text is looked for in its memory.
func TestCoreWithoutNote(t *testing.T) {
	m, rd := sample(t, 4, prbOpts{countBits: 6, dataBits: 11})
	want, err := rd.Log(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	m.plant(imagePhys(utsName)+1000, m.vmcoreinfo()) // on a page that is in the core
	b := bytes.Replace(coreOf(t, rd), []byte("VMCOREINFO\x00"), []byte("SOMETHING_\x00"), 1)
	got, err := coreLog(b)
	if err != nil {
		t.Fatal(err)
	}
	sameRecords(t, got.Records, want.Records)
}

func TestForeignCore(t *testing.T) {
	_, rd := sample(t, 4, prbOpts{countBits: 6, dataBits: 11})
	b := coreOf(t, rd)
	change := func(at int, v ...byte) []byte {
		c := bytes.Clone(b)
		copy(c[at:], v)
		return c
	}
	for _, c := range []struct {
		name, want string
		in         []byte
	}{
		{"empty", "empty", nil},
		{"text", "not an ELF file", []byte("hello, world")},
		{"short magic", "inside the ELF header", b[:10]},
		{"half a header", "inside the ELF header", b[:50]},
		{"qcow2", "dump-guest-memory", []byte("QFI\xfb\x00")},
		{"elf32", "ELF32", change(4, 1)},
		{"big endian", "big-endian", change(5, 2)},
		{"program", "not a core", change(16, 2)},
		{"ppc64", "machine 21", change(18, 21)},
		{"phentsize", "e_phentsize", change(54, 32)},
		{"no segments", "0 segments", change(56, 0, 0)},
		{"too many segments", "inside the program headers", change(56, 0xfe, 0xff)},
		{"xnum without sections", "e_shoff", change(56, 0xff, 0xff)},
		{"phoff", "inside the program headers", change(32, 0, 0, 0, 0, 1)},
		{"cut in the segments' headers", "inside the program headers", b[:100]},
		{"only headers left", "truncated", b[:4096]},
		{"cut in the data", "truncated", b[:len(b)-len(b)/3]},
		{"overflow", "overflows", change(ehdrSize+phdrSize+8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)},
	} {
		if _, err := coreLog(c.in); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
}

// However much is missing: the whole log or an error, never a shorter log.
func TestTruncatedCore(t *testing.T) {
	_, rd := sample(t, 4, prbOpts{countBits: 6, dataBits: 11, grown: 12})
	want, err := rd.Log(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	b := coreOf(t, rd)
	whole := 0
	for n := 0; n < len(b); n += 257 {
		log, err := coreLog(b[:n])
		if err != nil {
			continue
		}
		whole++
		sameRecords(t, log.Records, want.Records)
	}
	if whole*257 > len(b)/2 {
		t.Errorf("%d of %d cuts did no harm: the ring is not in the core's pages", whole, len(b)/257)
	}
}

// More segments than e_phnum can say (QEMU with many memory regions).
func TestManySegments(t *testing.T) {
	_, rd := sample(t, 4, prbOpts{countBits: 6, dataBits: 11})
	b := coreOf(t, rd)
	num := binary.LittleEndian.Uint16(b[56:])
	at := uint64(len(b))
	b = append(b, make([]byte, shdrSize)...)
	binary.LittleEndian.PutUint32(b[at+44:], uint32(num))
	binary.LittleEndian.PutUint64(b[40:], at)
	binary.LittleEndian.PutUint16(b[56:], pnXNum)
	if _, err := coreLog(b); err != nil {
		t.Error(err)
	}
}

func TestSaveCore(t *testing.T) {
	_, rd := sample(t, 4, prbOpts{countBits: 6, dataBits: 11})
	dir := t.TempDir()
	path := filepath.Join(dir, "ring.elf")
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	if err := rd.SaveCore(cancelled, path); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("a failed save left %v", left)
	}
	if err := rd.SaveCore(context.Background(), path); err != nil {
		t.Fatal(err)
	}
	c, err := OpenCore(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if log, err := c.Log(context.Background()); err != nil || len(log.Records) == 0 || c.Truncated() != "" {
		t.Errorf("%v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left over: %v", left)
	}
	if _, err := OpenCore(dir); err == nil || !strings.Contains(err.Error(), "directory") {
		t.Errorf("a directory: %v", err)
	}
}

// TestSaveCoreDirectMap: a saved core leads to the direct map's first page, also where nothing of the ringbuffer lies near it.
func TestSaveCoreDirectMap(t *testing.T) {
	m := newMachine(4)
	r := m.newRing(prbOpts{countBits: 4, dataBits: 8})
	m.mapAt(directBase(4), 0, pageShift)
	r.printk(Record{State: Finalized, Text: []byte("x")})
	path := filepath.Join(t.TempDir(), "ring.elf")
	if err := m.open(t).SaveCore(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	c, err := OpenCore(path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	saved, err := c.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := saved.sp.directMap(nil); got != directBase(4) {
		t.Errorf("direct map of the saved core: %#x, want %#x", got, directBase(4))
	}
}

// witness gives what a tool that we did not write prints for our core.
func witness(t *testing.T, rd *Reader) (vmcoreDmesg []byte) {
	t.Helper()
	cache := os.Getenv("LASTPAGE_CACHE")
	if cache == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			t.Skip(err)
		}
		cache = filepath.Join(base, "lastpage")
	}
	tool := filepath.Join(cache, "witness/sbin/vmcore-dmesg")
	if _, err := os.Stat(tool); err != nil {
		t.Skipf("no witness: %v (setup.sh unpacks it)", err)
	}
	path := filepath.Join(t.TempDir(), "ring.elf")
	if err := rd.SaveCore(context.Background(), path); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(tool, path).Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func dmesgOf(t *testing.T, rd *Reader) []byte {
	t.Helper()
	log, err := rd.Log(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := WriteDmesg(&b, log); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestWitness(t *testing.T) {
	for _, o := range []prbOpts{
		{countBits: 6, dataBits: 11},
		{countBits: 6, dataBits: 11, grown: 12, wideID: true},
		{countBits: 4, dataBits: 14, grown: 21},
		{countBits: 7, dataBits: 9 + 2, grown: 30},
	} {
		_, rd := sample(t, 4, o)
		if want, got := witness(t, rd), dmesgOf(t, rd); !bytes.Equal(want, got) {
			t.Errorf("%+v: vmcore-dmesg prints\n%s\nwe print\n%s", o, want, got)
		}
	}
}

// The one known difference to vmcore-dmesg: a block that ends exactly at the ring's end and stays there (rule of 2025) is taken for a
// wrapped one by it, and text from the ring's beginning is printed.
func TestWitnessExactFit(t *testing.T) {
	m := newMachine(4)
	r := m.newRing(prbOpts{countBits: 4, dataBits: 8, newFit: true})
	r.printk(Record{State: Finalized, Text: bytes.Repeat([]byte{'x'}, 112)})
	r.printk(Record{State: Finalized, Text: bytes.Repeat([]byte{'y'}, 64)})
	r.printk(Record{State: Finalized, Text: bytes.Repeat([]byte{'z'}, 56)})
	rd := m.open(t)
	want, got := witness(t, rd), dmesgOf(t, rd)
	right := fmt.Sprintf("[    0.000000] %s\n", strings.Repeat("z", 56))
	wrong := fmt.Sprintf("[    0.000000] %s\n", strings.Repeat("x", 56))
	if !bytes.HasSuffix(got, []byte(right)) {
		t.Errorf("we print\n%s", got)
	}
	if !bytes.HasSuffix(want, []byte(wrong)) {
		t.Logf("vmcore-dmesg knows the new rule now:\n%s", want)
	}
}
