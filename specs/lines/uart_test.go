// SPDX-License-Identifier: Apache-2.0

package lines_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"lastpage/capture/port"
	"lastpage/dut/qemu"
	"lastpage/dut/qemu/bridge"
	"lastpage/dut/qemu/live"
	"lastpage/dut/qemu/vuart"
	"lastpage/kernels"
	"lastpage/kernels/guest"
	"lastpage/kernels/prebuilt"
	"lastpage/specs/parts"
)

// board is a machine with a 16550A, at the rate of the line and in the time of this machine. It runs the stressor of boards when it is told to,
// and is a plug afterwards: its kernel sends back whatever it receives. Its line can be told to lose a byte.
type board struct {
	baud    int
	pty     *bridge.PTY
	rfc2217 string // HOST:PORT of the machine's own
	page    *vuart.Page
	line    *lossy
}

// lossy is the line of a UART. Of the bytes that come from it one is lost, when it is told so.
type lossy struct {
	bridge.Port
	mu   sync.Mutex
	left int64  // bytes that come before the one that is lost; below 0: none will be
	said []byte // the last of it, since something was told
}

// saidKept are the last bytes of the machine in which its words are looked for.
const saidKept = 4096

// lose lets the byte be lost that comes after n others.
func (l *lossy) lose(n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.left = n
}

// Drain implements bridge.Port.
func (l *lossy) Drain(use func([]vuart.Rec)) (int, error) {
	return l.Port.Drain(func(recs []vuart.Rec) {
		l.mu.Lock()
		defer l.mu.Unlock()
		kept := make([]vuart.Rec, 0, len(recs))
		for _, r := range recs {
			if r.Data() {
				if l.left--; l.left == -1 {
					continue
				}
				l.said = append(l.said, r.Byte)
			}
			kept = append(kept, r)
		}
		l.left = max(l.left, -2)
		l.said = l.said[max(0, len(l.said)-saidKept):]
		use(kept)
	})
}

func (l *lossy) heard(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Contains(l.said, []byte(text))
}

// tail is what the machine said last.
func (l *lossy) tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.said)
}

// boardInit is the machine's first process. It keeps the port open, and with it its settings. "send N" sends the pattern for N seconds.
const boardInit = `#!/bin/busybox sh
/bin/busybox --install -s /bin
mkdir -p /dev /proc
mount -t devtmpfs dev /dev
mount -t proc proc /proc
dmesg -n 1
exec 3<>/dev/ttyS0
stty -F /dev/ttyS0 %d raw -echo clocal
while echo ready >&3; read word time <&3 && [ "$word" = send ]; do /stress -port /dev/ttyS0 -send 1 -hear 2 -wait 1s -time ${time}s >&3; done
echo the plug is in >&3
exec cat <&3 >&3
`

// newBoard boots it. Above 115200 baud, which a PC's port cannot be told, the clock of its UART is scaled.
func newBoard(ctx context.Context, baud int) *board {
	GinkgoHelper()
	_, err := vuart.SelfTest(ctx, "qemu-system-x86_64")
	Expect(err).NotTo(HaveOccurred())
	cat, err := kernels.LoadCatalogue()
	Expect(err).NotTo(HaveOccurred())
	img, err := cat.Prepare(ctx, "debian-6.12-cloud", kernels.Options{Progress: GinkgoWriter, Use: prebuilt.Shell})
	Expect(err).NotTo(HaveOccurred())
	first := filepath.Join(evidence, fmt.Sprintf("init-%d", baud))
	Expect(os.WriteFile(first, fmt.Appendf(nil, boardInit, min(baud, 115200)), 0o755)).To(Succeed())
	stressor, err := guest.BuildStress(ctx, GinkgoWriter)
	Expect(err).NotTo(HaveOccurred())
	initrd, _, err := live.Shell(img, map[string]string{"/shell": first, "/stress": stressor})
	Expect(err).NotTo(HaveOccurred())
	m := live.Machine{Page: vuart.Default(), Initrd: initrd, Spec: qemu.Spec{Mode: qemu.Concurrent, CPUs: 1, MemMiB: 256, Kernel: img.Vmlinuz, Cmdline: img.Cmdline + live.ShellArgs + " quiet"}}
	m.Page.Base = uint32(max(baud, 115200))
	g, err := live.Start(ctx, m)
	Expect(err).NotTo(HaveOccurred())
	p := &board{baud: baud, page: g.Page, line: &lossy{Port: g.Page, left: -2}}
	running, end := context.WithCancel(context.Background())
	ended := make(chan error)
	b := bridge.New(p.line, nil)
	go func() { ended <- b.Run(running) }()
	DeferCleanup(func() {
		end()
		<-ended
		g.Kill()
		g.Page.Close()
	})
	p.pty, err = b.OpenPTY(running)
	Expect(err).NotTo(HaveOccurred())
	addr, err := b.ListenTelnet(running, "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	p.rfc2217 = addr.String()
	p.says("ready\n")
	Expect(p.page.Stats().Baud).To(BeEquivalentTo(baud))
	return p
}

// says waits until the machine has said something.
func (p *board) says(text string) {
	GinkgoHelper()
	Eventually(p.line.heard).WithArguments(text).WithTimeout(bootLimit).WithPolling(100 * time.Millisecond).Should(BeTrue())
}

// told types a line at the machine.
func (p *board) told(format string, args ...any) error {
	var keys []vuart.RX
	for _, c := range fmt.Appendf(nil, format+"\n", args...) {
		keys = append(keys, vuart.RX{Key: vuart.Key{Byte: c}})
	}
	p.line.mu.Lock()
	p.line.said = nil
	p.line.mu.Unlock()
	return p.line.PushRX(keys...)
}

// served is the place of a terminal server before the machine's line.
func (p *board) served() string {
	GinkgoHelper()
	ctx, end := context.WithCancel(context.Background())
	DeferCleanup(end)
	addr, err := parts.Server(ctx, GinkgoT().TempDir(), p.rfc2217, GinkgoWriter)
	if errors.Is(err, exec.ErrNotFound) {
		Skip("no ser2net here; setup.sh installs it")
	}
	Expect(err).NotTo(HaveOccurred())
	return "rfc2217://" + addr
}

// reached opens a port. A server may be slow to notice that its client before has gone, and has room for one.
func reached(ctx context.Context, cfg port.Config) (p *port.Port, err error) {
	for begin := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		p, err = port.Open(ctx, cfg)
		if err == nil || !strings.Contains(err.Error(), "already in use") || time.Since(begin) > hang {
			return p, err
		}
	}
}

// gone is how many bytes the machine's UART and the bridge to its line have lost by their own account.
func (p *board) gone(place string) (n int64) {
	s := p.page.Stats()
	if n = int64(s.RXOverrun) + int64(s.Overwritten); place == p.pty.Path {
		n += p.pty.Lost()
	}
	return n
}
