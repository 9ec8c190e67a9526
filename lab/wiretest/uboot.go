// SPDX-License-Identifier: Apache-2.0

package wiretest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"lastpage/dut/qemu"
	"lastpage/dut/qemu/live"
	"lastpage/dut/qemu/vuart"
)

// uboot types at a boot loader that polls its UART, at the line's full rate.
func uboot(ctx context.Context, t *test) error {
	if _, err := os.Stat(live.UBoot); err != nil {
		t.add(unknown("uboot", "U-Boot's prompt", fmt.Errorf("%s: not there: install u-boot-qemu (setup.sh does)", live.UBoot)))
		return nil
	}
	t.Tell("uboot: booting")
	c, err := openConsole(ctx, live.Machine{Page: vuart.Default(), Firmware: live.UBoot, Spec: qemu.Spec{Binary: t.Binary, Mode: qemu.Exact, CPUs: 1, MemMiB: 256,
		Shift: 4, Seed: 7}})
	if err != nil {
		return err
	}
	typed, good, err := typeAtUBoot(ctx, t, c)
	st := c.close()
	t.write("uboot.wire", c.log.Bytes(0, c.log.Len()))
	if err != nil {
		return err
	}
	version := lineWith(string(c.log.Bytes(0, c.log.Len())), "U-Boot 20")
	t.add(judge("uboot", "typed at its prompt at 11520 B/s", good == typed && st.RXOverrun == 0 && len(st.Void()) == 0,
		"every line echoed and executed intact", "%s: %d of %d lines intact, %d bytes in, overruns %d in, %d out; void: %q", version, good, typed,
		st.RXLine, st.RXOverrun, st.Overwritten, st.Void()).with(map[string]float64{"lines": float64(typed), "intact": float64(good),
		"received": float64(st.RXLine), "rx_overruns": float64(st.RXOverrun)}))
	return nil
}

// typeAtUBoot types lines of growing length; each must come back twice, as typed and as what echo printed.
func typeAtUBoot(ctx context.Context, t *test, c *console) (typed, good int, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, stepLimit, errors.New("U-Boot did not answer"))
	defer cancel()
	m, err := c.expect(ctx, 0, "Hit any key to stop autoboot")
	if err != nil {
		return 0, 0, err
	}
	if err := c.send(ctx, []byte(" ")); err != nil {
		return 0, 0, err
	}
	if m, err = c.expect(ctx, m.End, "=> "); err != nil {
		return 0, 0, err
	}
	at := m.End
	for n := 20; n <= 200; n += 20 {
		text := strings.Repeat("the quick brown fox jumps over the lazy dog 0123456789 ", 4)[:n]
		text = strings.TrimSpace(text)
		t.Tell("uboot: a line of %d", len(text))
		if err := c.send(ctx, []byte("echo '"+text+"'\r")); err != nil {
			return typed, good, err
		}
		typed++
		if m, err = c.expect(ctx, at, "\n=> "); err != nil {
			return typed, good, err
		}
		got := string(c.log.Bytes(at, m.Start))
		if strings.Contains(got, "echo '"+text+"'\r\n"+text+"\r") {
			good++
		}
		at = m.End
	}
	return typed, good, nil
}
