// SPDX-License-Identifier: Apache-2.0

package parts

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// The user of every BMC.
const (
	User     = "lab"
	Password = "secret"
)

// python is Debian's, which has the BMC's library if the package python3-pyghmi is installed.
const python = "/usr/bin/python3"

func haveBMC() error {
	if err := exec.Command(python, "-c", "import pyghmi").Run(); err != nil {
		return errors.New("python3-pyghmi is not installed")
	}
	return nil
}

//go:embed bmc.py
var bmcProgram []byte

// bmc starts a BMC before the machine's switch.
func (b *Bench) bmc(ctx context.Context, d *Board) error {
	// A port that is free now; a BMC cannot be told to choose one.
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	d.BMC = c.LocalAddr().(*net.UDPAddr).Port
	c.Close()
	program := filepath.Join(d.dir, "bmc.py")
	if err := os.WriteFile(program, bmcProgram, 0o644); err != nil {
		return err
	}
	return b.manage(ctx, d)
}

// manage starts the BMC that bmc has chosen a port for.
func (b *Bench) manage(ctx context.Context, d *Board) error {
	program := filepath.Join(d.dir, "bmc.py")
	t, out, err := b.start(ctx, append([]string{python, program, strconv.Itoa(d.BMC), User, Password}, strings.Fields(d.Control)...)...)
	if err != nil {
		return err
	}
	d.bmc = t
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "listening\n" {
		<-t.ended
		return fmt.Errorf("the BMC says %q: %w", line, errors.Join(err, t.err))
	}
	go io.Copy(io.Discard, out) //nolint:errcheck // ends with the process
	return nil
}
