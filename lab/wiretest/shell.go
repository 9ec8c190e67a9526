// SPDX-License-Identifier: Apache-2.0

package wiretest

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // what busybox in the guest can compute; it guards against the wire, not against people
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"lastpage/dut/qemu"
	"lastpage/dut/qemu/live"
	"lastpage/dut/qemu/vuart"
)

// stepLimit guards one step of a dialogue against a guest that hangs, in host time.
const stepLimit = 15 * time.Minute

// tty logs in on a shell over the serial line and sends data through the guest's tty layer, by interrupts.
func tty(ctx context.Context, t *test) error {
	img, err := t.image(ctx, t.Kernel)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "lastpage-wiretest-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	size := 1 << 20
	if t.Quick {
		size = 1 << 16
	}
	data := make([]byte, size)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(data)
	file := filepath.Join(dir, "data")
	if err := os.WriteFile(file, data, 0o644); err != nil {
		return err
	}
	initrd, hasSetserial, err := live.Shell(img, map[string]string{"/data": file})
	if err != nil {
		return err
	}
	t.Tell("tty: booting to a login shell")
	c, err := openConsole(ctx, live.Machine{Page: vuart.Default(), Initrd: initrd, Spec: qemu.Spec{Binary: t.Binary, Mode: qemu.Exact, CPUs: 1, MemMiB: 256,
		Shift: 4, Seed: 7, Kernel: img.Vmlinuz, Cmdline: img.Cmdline + live.ShellArgs}})
	if err != nil {
		return err
	}
	s := &session{t: t, c: c, setserial: hasSetserial}
	err = s.talk(ctx, data)
	st := c.close()
	if t.Out != "" {
		t.write("tty.wire", c.log.Bytes(0, c.log.Len()))
	}
	if err != nil {
		return err
	}
	void := st.Void()
	t.add(judge("tty", "the UART's account of it", len(void) == 0 && st.RXOverrun == 0 && st.Overwritten == 0 && st.RXLine == st.RXRead+st.RXFlushed,
		"nothing lost on either side", "%d bytes sent, %d received, %d read; overruns %d out, %d in; cleared by the driver %d out, %d in; void: %q",
		st.Wire, st.RXLine, st.RXRead, st.Overwritten, st.RXOverrun, st.Flushed, st.RXFlushed, void))
	return nil
}

// session is a dialogue with the guest's shell.
type session struct {
	t         *test
	c         *console
	at        int64 // the dialogue so far ends here
	n         int
	setserial bool
}

func (s *session) talk(ctx context.Context, data []byte) error {
	if err := s.wait(ctx, "login: "); err != nil {
		return err
	}
	boot := string(s.c.log.Bytes(0, s.at))
	found := lineWith(boot, "is a 16550A")
	s.t.add(judge("tty", "the 8250 driver's boot log", found != "", "ttyS0 at I/O 0x3f8 is a 16550A", "%s", found))
	if err := s.c.send(ctx, []byte("root\r")); err != nil {
		return err
	}
	if err := s.wait(ctx, "# "); err != nil {
		return err
	}
	s.t.add(judge("tty", "a login shell", true, "a prompt", "%q", lineWith(boot+" login: ", "login:")))
	if s.setserial {
		out, err := s.command(ctx, "setserial -a /dev/ttyS0")
		if err != nil {
			return err
		}
		said := lineWith(out, "UART:")
		s.t.add(judge("tty", "setserial", strings.Contains(said, "UART: 16550A") && strings.Contains(said, "0x03f8") && strings.Contains(said, "IRQ: 4"),
			"16550A, 0x03f8, IRQ 4", "%s", said))
	} else {
		s.t.add(unknown("tty", "setserial", errors.New("not installed (setup.sh installs it)")))
	}
	for _, f := range []struct {
		stty string
		baud int
		bits int
		name string
	}{{"1200", 1200, 10, "1200 8N1"}, {"9600", 9600, 10, "9600 8N1"}, {"57600", 57600, 10, "57600 8N1"}, {"115200 cstopb", 115200, 11, "115200 8N2"},
		{"-cstopb cs7 parenb -parodd", 115200, 10, "115200 7E1"}, {"115200 cs8 -parenb", 115200, 10, "115200 8N1"}} {
		if err := s.rate(ctx, f.stty, f.baud, f.bits, f.name); err != nil {
			return err
		}
	}
	if err := s.upload(ctx, data); err != nil {
		return err
	}
	return s.download(ctx, data)
}

// wait moves on to behind text.
func (s *session) wait(ctx context.Context, text string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, stepLimit, errors.New("the guest did not answer"))
	defer cancel()
	m, err := s.c.expect(ctx, s.at, text)
	if err == nil {
		s.at = m.End
	}
	return err
}

// command types a line at full rate and returns what came until it was done, its echo included.
func (s *session) command(ctx context.Context, line string) (string, error) {
	s.t.Tell("tty: %s", line)
	s.n++
	from := s.at
	if err := s.c.send(ctx, fmt.Appendf(nil, "%s; echo do''ne-%d\r", line, s.n)); err != nil {
		return "", err
	}
	if err := s.wait(ctx, fmt.Sprintf("done-%d\r\n", s.n)); err != nil {
		return "", err
	}
	out := string(s.c.log.Bytes(from, s.at))
	return out, s.wait(ctx, "# ")
}

// rate sets a rate and has a line printed by it, through the driver's interrupt.
func (s *session) rate(ctx context.Context, stty string, baud, bits int, name string) error {
	text := strings.Repeat("0123456789abcdefghijklmnopqrstuvwxyz", 4)
	from := s.at
	if _, err := s.command(ctx, "stty "+stty+"; echo '<'"+text+"'>'"); err != nil {
		return err
	}
	line := []byte("<" + text + ">")
	i := bytes.Index(s.c.log.Bytes(from, s.at), line)
	nominal := float64(baud) / float64(bits)
	want := fmt.Sprintf("%.1f B/s within %g %% in a line of %d", nominal, rateLimit*100, len(line))
	if i < 0 {
		s.t.add(judge("tty", "stty: "+name, false, want, "the line is not on the wire"))
		return nil
	}
	recs := s.c.between(from+int64(i), from+int64(i+len(line)))
	got := float64(len(recs)-1) * 1e9 / float64(recs[len(recs)-1].EndNS-recs[0].EndNS)
	frame := float64(baud) * float64(recs[0].DurNS) / 1e9 // bits that a frame took
	s.t.add(judge("tty", "stty: "+name, math.Abs(got/nominal-1) <= rateLimit && math.Abs(frame-float64(bits)) < 0.01, want,
		"%.2f B/s, %.3f bits a frame", got, frame).with(map[string]float64{"bytes_per_s": got, "nominal_bytes_per_s": nominal, "frame_bits": frame}))
	return nil
}

// upload sends data into the guest, which digests what its tty layer gave it.
func (s *session) upload(ctx context.Context, data []byte) error {
	if err := s.c.send(ctx, fmt.Appendf(nil, "stty raw -echo; echo rea''dy; head -c %d | md5sum > /sum; stty sane; cat /sum; echo do''ne-up\r", len(data))); err != nil {
		return err
	}
	if err := s.wait(ctx, "ready\n"); err != nil {
		return err
	}
	s.t.Tell("tty: %d bytes into the guest", len(data))
	start, from := time.Now(), s.c.page.Stats().NowNS
	if err := s.c.send(ctx, data); err != nil {
		return err
	}
	at := s.at
	if err := s.wait(ctx, "done-up"); err != nil {
		return err
	}
	virtual := float64(s.c.page.Stats().NowNS-from) / 1e9
	sum := md5.Sum(data)
	out := string(s.c.log.Bytes(at, s.at))
	s.t.add(judge("tty", fmt.Sprintf("cat of %d bytes into the guest", len(data)), strings.Contains(out, hex.EncodeToString(sum[:])),
		"MD5 "+hex.EncodeToString(sum[:]), "%.40q in %.1f s of its time", strings.TrimSpace(out), virtual).
		with(map[string]float64{"bytes": float64(len(data)), "host_s": time.Since(start).Seconds(), "virtual_s": virtual}))
	return s.wait(ctx, "# ")
}

// download has the guest send the data back.
func (s *session) download(ctx context.Context, data []byte) error {
	s.t.Tell("tty: %d bytes out of the guest", len(data))
	start := time.Now()
	if err := s.c.send(ctx, []byte("stty raw -echo; echo be''gin; cat /data; stty sane; echo; echo do''ne-down\r")); err != nil {
		return err
	}
	if err := s.wait(ctx, "begin\n"); err != nil {
		return err
	}
	from := s.at
	if err := s.wait(ctx, "done-down"); err != nil {
		return err
	}
	got := s.c.log.Bytes(from, from+int64(len(data)))
	recs := s.c.between(from, from+int64(len(data)))
	rate := 0.0
	if len(recs) > 1 {
		rate = float64(len(recs)-1) * 1e9 / float64(recs[len(recs)-1].EndNS-recs[0].EndNS)
	}
	differ := firstDifference(got, data)
	s.t.add(judge("tty", fmt.Sprintf("cat of %d bytes out of the guest", len(data)), differ < 0, "the same bytes", "%d bytes, first difference at %d, %.1f B/s over all",
		len(got), differ, rate).with(map[string]float64{"bytes": float64(len(got)), "bytes_per_s": rate, "host_s": time.Since(start).Seconds()}))
	return nil
}

// firstDifference is -1 if there is none.
func firstDifference(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	if len(a) != len(b) {
		return min(len(a), len(b))
	}
	return -1
}

func lineWith(s, part string) string {
	for _, l := range strings.Split(s, "\n") {
		if strings.Contains(l, part) {
			return strings.TrimSpace(l)
		}
	}
	return ""
}
