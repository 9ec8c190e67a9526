// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
	"time"

	"lastpage/capture/wire"
	"lastpage/kernels/plan"
)

// Shell is a board's own system, which boots when the board gets its power, and has a shell on the console: it fetches files from a folder
// here. Its words are the loader's.
type Shell struct {
	Folder   string   `yaml:"folder" json:"folder"`         // of the TFTP or HTTP server, where we may write
	User     string   `yaml:"user" json:"user,omitempty"`   // typed at Login; "": the shell is there without a login
	Password string   `yaml:"password" json:"-"`            // typed at "assword: "; "": it is not asked for
	Login    string   `yaml:"login" json:"login"`           //
	Prompt   string   `yaml:"prompt" json:"prompt"`         // of the shell
	Setup    []string `yaml:"setup" json:"setup,omitempty"` // typed first: what brings the network up
	At       string   `yaml:"at" json:"at"`                 // folder of the board's, for the files
	Fetch    string   `yaml:"fetch" json:"fetch"`           // fetches {name}, of Folder, as {file}
	Start    string   `yaml:"start" json:"start"`           // starts the trial's kernel, or the board anew
	// Says is what its firmware, or its loader, says first after a reset; "": nothing that could be told.
	Says string `yaml:"banner" json:"banner,omitempty"`
	// Within is from the power to the shell.
	Within time.Duration `yaml:"within" json:"within_ns"`

	kind   string // of the loader, for errors
	spared string // a word of the own system's command line, which keeps it out of memory that outlives a reset
	served served
}

// shellLimit is the default: a server's firmware alone takes minutes.
const shellLimit = 5 * time.Minute

// check fills in defaults and says what is missing. kind is the loader's, and what belongs to it alone comes with it.
func (k *Shell) check(kind, at, start string) error {
	k.kind = kind
	orElse(&k.Login, "login: ")
	orElse(&k.Prompt, "# ")
	orElse(&k.At, at)
	orElse(&k.Start, start)
	if k.Within == 0 {
		k.Within = shellLimit
	}
	switch {
	case k.Folder == "":
		return fmt.Errorf("boot: %s: want folder:, that of the TFTP or HTTP server", kind)
	case !strings.Contains(k.Fetch, "{name}") || !strings.Contains(k.Fetch, "{file}"):
		return fmt.Errorf("boot: %s: fetch: want what fetches {name} as {file}, such as fetch: tftp -g -r {name} -l {file} 192.0.2.1", kind)
	case k.Within < 0:
		return fmt.Errorf("boot: %s: within: want a time above 0, such as 5m", kind)
	case k.Password != "" && k.User == "":
		return fmt.Errorf("boot: %s: without user: a password has no effect", kind)
	}
	return nil
}

// orElse gives a field that is empty its default.
func orElse(to *string, value string) {
	if *to == "" {
		*to = value
	}
}

// Spare has the own system looked at before each trial: its command line must hold word. A system that comes up between two kernels would
// write over what the first one left.
func (k *Shell) Spare(word string) { k.spared = word }

// Clean implements Loader.
func (k *Shell) Clean() error { return k.served.remove() }

// Banner implements Loader.
func (k *Shell) Banner() string { return k.Says }

// enter waits for the shell, logs in where that is asked for, and brings the network up.
func (k *Shell) enter(ctx context.Context, l *line, from int64) error {
	steps := []struct{ want, answer string }{{k.Prompt, ""}}
	if k.User != "" {
		steps[0].want, steps[0].answer = k.Login, k.User
		if k.Password != "" {
			steps = append(steps, struct{ want, answer string }{"assword: ", k.Password})
		}
		steps = append(steps, struct{ want, answer string }{k.Prompt, ""})
	}
	limit, power := k.Within, from
	for _, s := range steps {
		m, err := l.expect(ctx, from, limit, wire.Literal(s.want))
		if err != nil {
			return k.absent(s.want, l.log.Bytes(power, l.log.Len()), err)
		}
		if s.answer == "" {
			break
		}
		if err := l.quiet(ctx, loginQuiet, k.Within); err != nil { // getty(8) throws away what is typed before it reads
			return err
		}
		from, limit = m.End, setupLimit
		if err := l.send(ctx, s.answer+"\r"); err != nil {
			return err
		}
	}
	if err := k.command(ctx, l, "dmesg -n 1", answerLimit); err != nil { // what its kernel says would be taken for the next one's
		return err
	}
	if k.spared != "" {
		if err := k.command(ctx, l, "grep -qF '"+k.spared+"' /proc/cmdline", answerLimit); err != nil {
			return fmt.Errorf("%s: the board's own system would write over the log that is kept over a reset: put %s on its command line (%w)", k.kind, k.spared, err)
		}
	}
	for _, c := range k.Setup {
		if err := k.command(ctx, l, c, setupLimit); err != nil {
			return err
		}
	}
	return nil
}

// absent says why something did not come that a shell says.
func (k *Shell) absent(want string, said []byte, err error) error {
	if m, _ := plan.FindReport(said); m != nil {
		return errors.New(k.kind + ": the board booted the kernel of a trial, and not its own system: its loader must take that kernel once only")
	}
	if len(said) == 0 {
		return noByte(k.kind, k.Within)
	}
	if n := strange(said); n > len(said)/4 {
		return fmt.Errorf("%s: no %q within %s, and %d of the %d bytes that came are no text: look at baud:, and at the rate that the server between has", k.kind, want, k.Within, n, len(said))
	}
	return fmt.Errorf("%s: no %q: %w; the last line is %q: look at login:, prompt: and baud:, and at what the board's system says", k.kind, want, err, lastLine(said))
}

// loginQuiet is the silence before a name is typed.
const loginQuiet = time.Second

// bring has the shell fetch a file as to, and compares its sum.
func (k *Shell) bring(ctx context.Context, l *line, f servedFile, to string) error {
	limit := fetchLimit + time.Duration(f.size)*time.Second/fetchRate
	if err := k.command(ctx, l, strings.NewReplacer("{name}", f.name, "{file}", to).Replace(k.Fetch), limit); err != nil {
		return fmt.Errorf("%w: look whether folder: is the server's own, and at the board's network", err)
	}
	if err := k.command(ctx, l, fmt.Sprintf("echo '%s  %s' | sha256sum -c", f.sum, to), limit); err != nil {
		return fmt.Errorf("%w: what was fetched is another file", err)
	}
	return nil
}

// at is the place of a file on the board.
func (k *Shell) at(name string) string { return path.Join(k.At, name) }

// status is what the shell says after a command; the echo of what is typed does not match.
var status = regexp.MustCompile(`lastpage-status-(\d+)-`)

const askStatus = "; echo lastpage-status-$?-"

// command types a line at the shell, and waits for its end. One that fails is an error.
func (k *Shell) command(ctx context.Context, l *line, text string, limit time.Duration) error {
	from := l.log.Len()
	if err := l.send(ctx, text+askStatus+"\r"); err != nil {
		return err
	}
	m, err := l.expect(ctx, from, limit+2*l.byteTime(len(text)), wire.Regexp(status))
	if err != nil {
		return fmt.Errorf("%s: %.80q did not end: %w; the last line is %q", k.kind, text, err, lastLine(l.log.Bytes(from, l.log.Len())))
	}
	if rc := string(m.Groups[0]); rc != "0" {
		said := l.log.Bytes(from, m.Start)
		if bytes.HasPrefix(said, []byte(text)) && bytes.Count(bytes.TrimRight(said, "\r\n"), []byte("\n")) == 0 {
			return fmt.Errorf("%s: %.80q ended with status %s, and said nothing", k.kind, text, rc)
		}
		return fmt.Errorf("%s: %.80q ended with status %s: %q", k.kind, text, rc, lastLine(said))
	}
	return nil
}
