// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"lastpage/capture/wire"
)

// Installed is a board that boots what is on its own disk, by its own loader: the shell of its system puts the trial's kernel beside its own,
// has the loader take it once, and starts the board anew.
type Installed struct {
	Shell `yaml:",inline"`
	// LoaderAt is At as the loader sees it, where that is another path: a file system of its own for /boot.
	LoaderAt string `yaml:"loader-at" json:"loader_at"`
	// Entry is a file of the loader's on the board. It is ours: it is written for each trial, and stays.
	Entry string `yaml:"entry" json:"entry"`
	// Text is what is in it. {kernel} and {initrd} become the trial's files as the loader sees them, {cmdline} its command line as it is.
	Text string `yaml:"text" json:"text"`
	// Once are typed after that: they make the loader take the entry once, the next time.
	Once []string `yaml:"once" json:"once"`
}

// Names of the files on the board's disk: those of the trial before are written over, so that they do not fill it.
const (
	installedKernel = "lastpage-kernel"
	installedInitrd = "lastpage-initrd"
)

// grubEntry and grubOnce are for the GRUB of a distribution (Debian's grub.d/00_header and 41_custom).
const grubEntry = `menuentry lastpage {
  linux {kernel} {cmdline}
  initrd {initrd}
}
`

var grubOnce = []string{"grub-editenv - set next_entry=lastpage"}

// Check fills in defaults and says what is missing.
func (i *Installed) Check() error {
	if err := i.check("installed", "/boot", "reboot"); err != nil {
		return err
	}
	orElse(&i.LoaderAt, i.At)
	if i.Text == "" && i.Entry == "" && i.Once == nil {
		i.Entry, i.Once = "/boot/grub/custom.cfg", grubOnce
		return nil
	}
	switch {
	case i.Entry == "":
		return fmt.Errorf("boot: installed: want entry:, the file of the board's loader that is written for each trial")
	case len(i.Once) == 0:
		return fmt.Errorf("boot: installed: want once:, the commands that make the loader take %s once", i.Entry)
	case i.Text == "":
		return nil
	}
	for _, word := range []string{"{kernel}", "{initrd}", "{cmdline}"} {
		if !strings.Contains(i.Text, word) {
			return fmt.Errorf("boot: installed: text: want %s in it", word)
		}
	}
	return nil
}

// Prepare implements Loader.
func (i *Installed) Prepare(p *Payload) (any, error) {
	f, err := i.served.put(i.Folder, p)
	if err != nil {
		return nil, err
	}
	text, cmdline := i.Text, p.Cmdline
	if text == "" {
		text, cmdline = grubEntry, escape(cmdline)
	}
	seen := strings.TrimSuffix(i.LoaderAt, "/") + "/"
	text = strings.NewReplacer("{kernel}", seen+installedKernel, "{initrd}", seen+installedInitrd, "{cmdline}", cmdline).Replace(text)
	f.line, err = i.served.file(i.Folder, p.Board, []byte(text))
	return f, err
}

// mayTakeLong bounds a command that writes to a slow disk.
const mayTakeLong = 2 * time.Minute

// notStarted is the status of a command that failed to start the board anew; one that did may have ended before that.
var notStarted = regexp.MustCompile(`lastpage-status-([1-9]\d*)-`)

// Boot implements Loader. The kernel's part begins with the loader's first words after the start, or with the kernel's.
func (i *Installed) Boot(ctx context.Context, l *line, files any, from int64) (int64, error) {
	f := files.(*servedFiles)
	if err := i.enter(ctx, l, from); err != nil {
		return 0, err
	}
	if err := i.command(ctx, l, fmt.Sprintf("[ ! -e %[1]s ] || grep -q lastpage %[1]s", i.Entry), answerLimit); err != nil {
		return 0, fmt.Errorf("installed: %s is on the board and was not made by a trial: it would be written over; move it away (%w)", i.Entry, err)
	}
	for _, file := range []struct {
		servedFile
		to string
	}{{f.kernel, i.at(installedKernel)}, {f.initrd, i.at(installedInitrd)}, {f.line, i.Entry}} {
		if err := i.bring(ctx, l, file.servedFile, file.to); err != nil {
			return 0, err
		}
	}
	for _, c := range append(i.Once[:len(i.Once):len(i.Once)], "sync") {
		if err := i.command(ctx, l, c, mayTakeLong); err != nil {
			return 0, err
		}
	}
	return i.again(ctx, l)
}

// again starts the board anew, and waits for what is no longer the own system's.
func (i *Installed) again(ctx context.Context, l *line) (int64, error) {
	from := l.log.Len()
	if err := l.send(ctx, i.Start+askStatus+"\r"); err != nil {
		return 0, err
	}
	words := i.Says
	orElse(&words, versionWords)
	m, err := l.expect(ctx, from, i.Within, wire.Literal(words), wire.Regexp(notStarted))
	switch {
	case err != nil:
		return 0, fmt.Errorf("installed: after %q no %q: %w; the last line is %q: look at start: and banner:, and at what the board's system says", i.Start, words, err, lastLine(l.log.Bytes(from, l.log.Len())))
	case m.Index == 1:
		return 0, fmt.Errorf("installed: %q ended with status %s, and the board was not started anew: %q", i.Start, m.Groups[0], lastLine(l.log.Bytes(from, m.Start)))
	case i.Says != "":
		return m.End, nil // what comes after that is not its own, or a reset
	}
	said := l.log.Bytes(from, m.Start)
	return from + int64(bytes.LastIndexAny(said, "\r\n")+1), nil // the line has a time stamp before the words
}

// Own is what the board's own system asks when it has come up; "": nothing that is known.
func (i *Installed) Own() string {
	if i.User == "" {
		return ""
	}
	return i.Login
}
