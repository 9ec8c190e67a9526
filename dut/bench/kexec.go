// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
	"time"

	"lastpage/capture/wire"
)

// Kexec is a board that boots a system of its own, which has a shell on the console and kexec: the shell fetches the trial's kernel and starts
// it. What the installed system says is the loader's.
type Kexec struct {
	Folder   string   `yaml:"folder" json:"folder"`           // of the TFTP or HTTP server, where we may write
	User     string   `yaml:"user" json:"user,omitempty"`     // typed at Login; "": the shell is there without a login
	Password string   `yaml:"password" json:"-"`              // typed at "assword: "; "": it is not asked for
	Login    string   `yaml:"login" json:"login"`             //
	Prompt   string   `yaml:"prompt" json:"prompt"`           // of the shell
	Setup    []string `yaml:"setup" json:"setup,omitempty"`   // typed first: what brings the network up
	At       string   `yaml:"at" json:"at"`                   // folder of the board's, for the files
	Fetch    string   `yaml:"fetch" json:"fetch"`             // fetches {name}, of Folder, as {file}
	Load     string   `yaml:"load" json:"load"`               // loads {kernel} and {initrd}; {cmdline} is a file that holds the command line
	Start    string   `yaml:"start" json:"start"`             // starts what was loaded
	Says     string   `yaml:"banner" json:"banner,omitempty"` // what its firmware says first after a reset; "": nothing that could be told
	// Within is from the power to the shell.
	Within time.Duration `yaml:"within" json:"within_ns"`

	served served
}

// kexecLimit is the default: a server's firmware alone takes minutes.
const kexecLimit = 5 * time.Minute

// Check fills in defaults and says what is missing.
func (k *Kexec) Check() error {
	for _, f := range []struct {
		to    *string
		value string
	}{{&k.Login, "login: "}, {&k.Prompt, "# "}, {&k.At, "/tmp"}, {&k.Start, "kexec -e"},
		{&k.Load, `kexec -l {kernel} --initrd={initrd} --command-line="$(cat {cmdline})"`}} {
		if *f.to == "" {
			*f.to = f.value
		}
	}
	if k.Within == 0 {
		k.Within = kexecLimit
	}
	switch {
	case k.Folder == "":
		return errors.New("boot: kexec: want folder:, that of the TFTP or HTTP server")
	case !strings.Contains(k.Fetch, "{name}") || !strings.Contains(k.Fetch, "{file}"):
		return errors.New("boot: kexec: fetch: want what fetches {name} as {file}, such as fetch: tftp -g -r {name} -l {file} 192.0.2.1")
	case k.Within < 0:
		return errors.New("boot: kexec: within: want a time above 0, such as 5m")
	case k.Password != "" && k.User == "":
		return errors.New("boot: kexec: without user: a password has no effect")
	}
	return nil
}

// Prepare implements Loader.
func (k *Kexec) Prepare(p *Payload) (any, error) {
	f, err := k.served.put(k.Folder, p)
	if err == nil {
		f.line, err = k.served.file(k.Folder, p.Board, []byte(p.Cmdline))
	}
	return f, err
}

// Clean implements Loader.
func (k *Kexec) Clean() error { return k.served.remove() }

// Banner implements Loader.
func (k *Kexec) Banner() string { return k.Says }

// Boot implements Loader. The kernel's part begins with the command that starts it.
func (k *Kexec) Boot(ctx context.Context, l *line, files any, from int64) (int64, error) {
	f := files.(*servedFiles)
	if err := k.enter(ctx, l, from); err != nil {
		return 0, err
	}
	for _, c := range k.Setup {
		if err := k.command(ctx, l, c, setupLimit); err != nil {
			return 0, err
		}
	}
	load := k.Load
	for word, file := range map[string]servedFile{"{kernel}": f.kernel, "{initrd}": f.initrd, "{cmdline}": f.line} {
		to := path.Join(k.At, file.name)
		limit := fetchLimit + time.Duration(file.size)*time.Second/fetchRate
		if err := k.command(ctx, l, strings.NewReplacer("{name}", file.name, "{file}", to).Replace(k.Fetch), limit); err != nil {
			return 0, fmt.Errorf("%w: look whether folder: is the server's own, and at the board's network", err)
		}
		if err := k.command(ctx, l, fmt.Sprintf("echo '%s  %s' | sha256sum -c", file.sum, to), limit); err != nil {
			return 0, fmt.Errorf("%w: what was fetched is another file", err)
		}
		load = strings.ReplaceAll(load, word, to)
	}
	if err := k.command(ctx, l, load, setupLimit); err != nil {
		return 0, err
	}
	return k.start(ctx, l)
}

// enter waits for the shell, and logs in where that is asked for.
func (k *Kexec) enter(ctx context.Context, l *line, from int64) error {
	steps := []struct{ want, answer string }{{k.Prompt, ""}}
	if k.User != "" {
		steps[0].want = k.Login
		steps[0].answer = k.User
		if k.Password != "" {
			steps = append(steps, struct{ want, answer string }{"assword: ", k.Password})
		}
		steps = append(steps, struct{ want, answer string }{k.Prompt, ""})
	}
	limit := k.Within
	for _, s := range steps {
		m, err := l.expect(ctx, from, limit, wire.Literal(s.want))
		if err != nil {
			said := l.log.Bytes(from, l.log.Len())
			return fmt.Errorf("kexec: no %q: %w; the last line is %q: look at login:, prompt: and baud:, and at what the board's system says", s.want, err, lastLine(said))
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
	return k.command(ctx, l, "dmesg -n 1", answerLimit) // what its kernel says would be taken for the next one's
}

// loginQuiet is the silence before a name is typed.
const loginQuiet = time.Second

// status is what the shell says after a command; the echo of what is typed does not match.
var status = regexp.MustCompile(`lastpage-status-(\d+)-`)

const askStatus = "; echo lastpage-status-$?-"

// command types a line at the shell, and waits for its end. One that fails is an error.
func (k *Kexec) command(ctx context.Context, l *line, text string, limit time.Duration) error {
	from := l.log.Len()
	if err := l.send(ctx, text+askStatus+"\r"); err != nil {
		return err
	}
	m, err := l.expect(ctx, from, limit+2*l.byteTime(len(text)), wire.Regexp(status))
	if err != nil {
		return fmt.Errorf("kexec: %.80q did not end: %w; the last line is %q", text, err, lastLine(l.log.Bytes(from, l.log.Len())))
	}
	if rc := string(m.Groups[0]); rc != "0" {
		return fmt.Errorf("kexec: %.80q ended with status %s: %q", text, rc, lastLine(l.log.Bytes(from, m.Start)))
	}
	return nil
}

// startLimit is how long a shell has to say that it could not start the kernel.
const startLimit = 10 * time.Second

// start starts the kernel. A shell that comes back has not.
func (k *Kexec) start(ctx context.Context, l *line) (int64, error) {
	started := l.log.Len() // before it is typed: a kernel may be faster than we are
	if err := l.send(ctx, k.Start+askStatus+"\r"); err != nil {
		return 0, err
	}
	m, err := l.expect(ctx, started, startLimit, wire.Regexp(status), wire.Literal("Linux version "))
	if err == nil && m.Index == 0 {
		return 0, fmt.Errorf("kexec: %q ended with status %s, and no kernel was started: %q", k.Start, m.Groups[0], lastLine(l.log.Bytes(started, m.Start)))
	}
	return started, ctx.Err() // a kernel that dies, or is silent, is judged by what it says
}
