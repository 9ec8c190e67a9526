// SPDX-License-Identifier: Apache-2.0

package parts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// ser2net is in a folder that not every user has in PATH.
func ser2net() (string, error) {
	if path, err := exec.LookPath("ser2net"); err == nil {
		return path, nil
	}
	return exec.LookPath("/usr/sbin/ser2net")
}

func haveSer2net() error {
	if _, err := ser2net(); err != nil {
		return errors.New("ser2net is not installed")
	}
	return nil
}

// serverLimit bounds the wait for a terminal server that listens.
const serverLimit = 20 * time.Second

// server starts a terminal server before the machine's plug. As a client of RFC 2217 it carries BREAK, which it does not to a pty.
func (b *Bench) server(ctx context.Context, d *Board) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	d.Console = fmt.Sprintf("127.0.0.1:%d", port)
	plugHost, plugPort, err := net.SplitHostPort(d.Plug)
	if err != nil {
		return err
	}
	config := filepath.Join(d.dir, "ser2net.yaml")
	text := fmt.Sprintf("%%YAML 1.1\n---\nconnection: &board\n  accepter: telnet(rfc2217=true,mode=server),tcp,127.0.0.1,%d\n"+
		"  connector: telnet(rfc2217=true),tcp,%s,%s\n  options: {max-connections: 1}\n", port, plugHost, plugPort)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		return err
	}
	return b.serve(ctx, d)
}

// Server starts a terminal server before a machine that speaks RFC 2217 at plug. Its configuration is in dir. It ends with ctx.
func Server(ctx context.Context, dir, plug string, log io.Writer) (addr string, err error) {
	d := &Board{Plug: plug, dir: dir}
	err = (&Bench{o: Options{Log: log}}).server(ctx, d)
	return d.Console, err
}

// serve starts the server that server has configured.
func (b *Bench) serve(ctx context.Context, d *Board) error {
	program, err := ser2net()
	if err != nil {
		return err
	}
	t, out, err := b.start(ctx, program, "-n", "-d", "-c", filepath.Join(d.dir, "ser2net.yaml"))
	if err != nil {
		return err
	}
	d.server = t
	go io.Copy(io.Discard, out) //nolint:errcheck // ends with the process
	for begin := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		c, err := net.Dial("tcp", d.Console)
		if err == nil {
			return c.Close()
		}
		select {
		case <-t.ended:
			return fmt.Errorf("ser2net: %w", t.err)
		default:
		}
		if time.Since(begin) > serverLimit {
			return fmt.Errorf("ser2net does not listen after %s: %w", serverLimit, err)
		}
	}
}
