// SPDX-License-Identifier: Apache-2.0

package vuart

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// cNames are the C spellings of those Go fields that are not simply lower case with underscores.
var cNames = map[string]string{
	"EndNS": "end_ns", "DurNS": "dur_ns", "LCR": "lcr", "NS": "ns", "CPU": "cpu", "AtNS": "at_ns",
	"RXLine": "rx_line", "RXRead": "rx_read", "RXOverrun": "rx_overrun", "RXFlushed": "rx_flushed", "RXDeaf": "rx_deaf", "LSRReads": "lsr_reads",
	"IER": "ier", "FCR": "fcr", "MCR": "mcr", "SCR": "scr", "TXFIFO": "tx_fifo", "TXHead": "tx_head", "TXN": "tx_n", "TXBusy": "tx_busy",
	"TXByte": "tx_byte", "TXLCR": "tx_lcr", "TXFlags": "tx_flags", "TXTwo": "tx_two", "THRI": "thri", "IRQ": "irq", "RBR": "rbr",
	"RXLate": "rx_late", "RXFIFO": "rx_fifo", "RXFlag": "rx_flag", "RXHead": "rx_head", "RXN": "rx_n", "RXBusy": "rx_busy", "RXByte": "rx_byte",
	"RXFlags": "rx_flags", "TXStart": "tx_start", "TXEnd": "tx_end", "THRIAt": "thri_at", "TXLast": "tx_last", "RXEnd": "rx_end",
	"RXLineFree": "rx_line_free", "RXTouched": "rx_touched", "DelayNS": "delay_ns", "VAddr": "vaddr", "RXLen": "rx_len", "BrkNS": "brk_ns", "RX": "rx",
	"BaseNS": "base_ns", "FiredNS": "fired_ns", "ActedNS": "acted_ns", "DueNS": "due_ns", "JumpedNS": "jumped_ns", "IOPort": "io_port",
	"FFState": "ff_state", "NCPU": "ncpu", "ICountNS": "icount_ns", "LateMaxNS": "late_max_ns", "LastNS": "last_ns", "IRQEdges": "irq_edges",
	"CutNS": "cut_ns", "FF": "ff", "UART": "uart",
	"OwnNS": "own_ns", "OthersNS": "others_ns", "AsleepNS": "asleep_ns", "WaitNS": "wait_ns",
}

func cName(goName string) string {
	if n, ok := cNames[goName]; ok {
		return n
	}
	var b strings.Builder
	for i, r := range goName {
		if r >= 'A' && r <= 'Z' {
			if i > 0 {
				b.WriteByte('_')
			}
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// TestLayout has the C compiler tell size and offset of everything that both sides use.
func TestLayout(t *testing.T) {
	structs := []struct {
		c string
		t reflect.Type
	}{
		{"struct page_rec", reflect.TypeFor[Rec]()}, {"struct page_event", reflect.TypeFor[Event]()},
		{"struct uart_rx_item", reflect.TypeFor[rxItem]()}, {"struct uart_counts", reflect.TypeFor[Counts]()},
		{"struct uart16550", reflect.TypeFor[uart]()}, {"struct page_key", reflect.TypeFor[Key]()},
		{"struct page_trigger", reflect.TypeFor[trigger]()}, {"struct page_ff", reflect.TypeFor[FFCounts]()},
		{"struct page_turns", reflect.TypeFor[TurnCounts]()},
		{"struct page", reflect.TypeFor[header]()},
	}
	var src, want strings.Builder
	src.WriteString("#include <stddef.h>\n#include <stdio.h>\n#include \"page.h\"\nint main(void){\n")
	for _, s := range structs {
		fmt.Fprintf(&src, "printf(\"%s %%zu\\n\", sizeof(%s));\n", s.c, s.c)
		fmt.Fprintf(&want, "%s %d\n", s.c, s.t.Size())
		for i := range s.t.NumField() {
			f := s.t.Field(i)
			if f.Name == "_" {
				continue
			}
			n := cName(f.Name)
			fmt.Fprintf(&src, "printf(\"%s.%s %%zu %%zu\\n\", offsetof(%s, %s), sizeof(((%s *)0)->%s));\n", s.c, n, s.c, n, s.c, n)
			fmt.Fprintf(&want, "%s.%s %d %d\n", s.c, n, f.Offset, f.Type.Size())
		}
	}
	src.WriteString("return 0;}\n")
	dir := t.TempDir()
	bin := filepath.Join(dir, "layout")
	err := compile(t.Context(), dir, []string{"-std=gnu11", "-I", "csrc", "-o", bin, "-x", "c", "-"}, src.String())
	if err != nil {
		t.Fatal(err)
	}
	got, err := exec.Command(bin).Output()
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want.String() {
		g, w := strings.Split(string(got), "\n"), strings.Split(want.String(), "\n")
		for i := range w {
			if i >= len(g) || g[i] != w[i] {
				t.Errorf("C says %q, Go says %q", g[i], w[i])
			}
		}
	}
}
