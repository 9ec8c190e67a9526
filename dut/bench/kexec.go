// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"fmt"
	"strings"
	"time"

	"lastpage/capture/wire"
)

// Kexec is a board whose own system has kexec: its shell fetches the trial's kernel and starts it.
type Kexec struct {
	Shell `yaml:",inline"`
	Load  string `yaml:"load" json:"load"` // loads {kernel} and {initrd}; {cmdline} is a file that holds the command line
}

// Check fills in defaults and says what is missing.
func (k *Kexec) Check() error {
	orElse(&k.Load, `kexec -l {kernel} --initrd={initrd} --command-line="$(cat {cmdline})"`)
	for _, word := range []string{"{kernel}", "{initrd}", "{cmdline}"} {
		if !strings.Contains(k.Load, word) {
			return fmt.Errorf("boot: kexec: load: want %s in it", word)
		}
	}
	return k.check("kexec", "/tmp", "kexec -e")
}

// Prepare implements Loader.
func (k *Kexec) Prepare(p *Payload) (any, error) {
	f, err := k.served.put(k.Folder, p)
	if err == nil {
		f.line, err = k.served.file(k.Folder, p.Board, []byte(p.Cmdline))
	}
	return f, err
}

// Boot implements Loader. The kernel's part begins with the command that starts it.
func (k *Kexec) Boot(ctx context.Context, l *line, files any, from int64) (int64, error) {
	f := files.(*servedFiles)
	if err := k.enter(ctx, l, from); err != nil {
		return 0, err
	}
	load := k.Load
	for word, file := range map[string]servedFile{"{kernel}": f.kernel, "{initrd}": f.initrd, "{cmdline}": f.line} {
		to := k.at(file.name)
		if err := k.bring(ctx, l, file, to); err != nil {
			return 0, err
		}
		load = strings.ReplaceAll(load, word, to)
	}
	if err := k.command(ctx, l, load, setupLimit); err != nil {
		return 0, err
	}
	return k.start(ctx, l)
}

// startLimit is how long a shell has to say that it could not start the kernel.
const startLimit = 10 * time.Second

// start starts the kernel. A shell that comes back has not.
func (k *Kexec) start(ctx context.Context, l *line) (int64, error) {
	started := l.log.Len() // before it is typed: a kernel may be faster than we are
	if err := l.send(ctx, k.Start+askStatus+"\r"); err != nil {
		return 0, err
	}
	m, err := l.expect(ctx, started, startLimit, wire.Regexp(status), wire.Literal(versionWords))
	if err == nil && m.Index == 0 {
		return 0, fmt.Errorf("kexec: %q ended with status %s, and no kernel was started: %q", k.Start, m.Groups[0], lastLine(l.log.Bytes(started, m.Start)))
	}
	return started, ctx.Err() // a kernel that dies, or is silent, is judged by what it says
}
