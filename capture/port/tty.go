// SPDX-License-Identifier: Apache-2.0

package port

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"go.bug.st/serial"
	"golang.org/x/sys/unix"

	"lastpage/capture/wire"
)

// tty is a serial port or a pty. The library sets it up; what it does not tell or do (the rate that was set, the UART's counters, PARMRK) is
// done through a second descriptor of the same port. That one is opened first, because the port is exclusive afterwards (TIOCEXCL), and stays
// open, so that the port is never closed and opened again in between.
type tty struct {
	descriptor
	watch  watch
	lib    serial.Port
	place  *place
	lock   string // of UUCP's kind; "" none
	opens  *opens
	pseudo bool
	book   *ledger // nil: it counts nothing

	got   int    // bytes of the last read
	early []byte // lay in the tty before it was set up
	marks parmrk
	set   unix.Termios // as we have set it
	known map[int]bool // other openers that were told of
	looks int
	kept  bool // the place is wanted after the end
}

// lookEvery is the number of looks between two into /proc for which nothing was opened: a second node of the device, or a descriptor that was
// handed over, is not told of. Such a look costs some thousand system calls.
const lookEvery = 30

// heldTTY is how many bytes n_tty holds, of 4096, when it may soon refuse more.
const heldTTY = 3072

func openTTY(cfg Config, last *place) (_ source, err error) {
	if cfg.Baud <= 0 {
		return nil, fmt.Errorf("no baud rate given") // the library would take 0 for 9600
	}
	t := &tty{descriptor: -1, known: map[int]bool{}, marks: parmrk{errors: wire.MarkFraming}}
	defer func() {
		if err != nil {
			_ = t.Close()
		}
	}()
	if last == nil {
		t.place, err = findPlace(cfg.Name)
	} else {
		t.place, err = last.again()
	}
	if err != nil {
		return nil, err
	}
	t.pseudo = isPTS(t.place.rdev)
	if err = t.claim(); err != nil {
		return nil, err
	}
	if err = t.setUp(cfg); err != nil {
		return nil, err
	}
	t.opens = watchOpens(t.place.path)
	if c, err := t.counters(); err == nil {
		t.book = &ledger{base: c, last: c, read: -int64(len(t.early))}
	}
	return t, nil
}

// claim opens the port where nobody else has it, root or not: everything that terminal programs lock with is asked, and taken.
func (t *tty) claim() (err error) {
	if err := checkLock(lockFolder, t.place.path); err != nil {
		return err
	}
	if all := holders(t.place.rdev); len(all) > 0 {
		return fmt.Errorf("another program holds it: %v", all[0])
	}
	fd, err := unix.Open(t.place.path, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.EBUSY) {
		return errors.New("another program holds it exclusively (TIOCEXCL); root can see which")
	}
	if err != nil {
		return err
	}
	t.descriptor = descriptor(fd)
	if deviceOf(fd) != t.place.rdev {
		return fmt.Errorf("%s became another device as it was opened", t.place.path)
	}
	if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
		return errors.New("another program holds it: it has locked it (flock)")
	}
	// The slave of a pty keeps the flag of a program that was killed, as long as its master lives; nobody has it open, as we have seen.
	if excl, err := unix.IoctlGetInt(fd, unix.TIOCGEXCL); err == nil && excl != 0 && !t.pseudo {
		return errors.New("another program holds it exclusively (TIOCEXCL)")
	}
	if err := t.calm(); err != nil {
		return err
	}
	t.lock, err = takeLock(lockFolder, t.place.path)
	return err
}

// calm ends what a tty does by default as soon as it is ours: it would echo to the board what the board says, and change its line ends.
func (t *tty) calm() error {
	now, err := unix.IoctlGetTermios(int(t.descriptor), unix.TCGETS2)
	if err != nil {
		return fmt.Errorf("%s is not a terminal: %w", t.place.path, err)
	}
	now.Iflag, now.Oflag, now.Lflag = 0, 0, 0
	return unix.IoctlSetTermios(int(t.descriptor), unix.TCSETS2, now)
}

func (t *tty) setUp(cfg Config) (err error) {
	fd := int(t.descriptor)
	mode := &serial.Mode{BaudRate: cfg.Baud, DataBits: 8, Parity: serial.NoParity, StopBits: serial.OneStopBit}
	syscall.ForkLock.RLock() // no program is started between the two
	t.lib, err = serial.Open(t.place.path, mode)
	keepFromChildren(t.place.rdev)
	syscall.ForkLock.RUnlock()
	if err != nil {
		return err
	}
	if err := unix.IoctlSetInt(fd, unix.TIOCEXCL, 0); err != nil {
		return err
	}
	if err := t.lines(cfg); err != nil {
		return err
	}
	t.early = t.drain()
	now, err := unix.IoctlGetTermios(fd, unix.TCGETS2)
	if err != nil {
		return err
	}
	now.Iflag = unix.PARMRK | unix.INPCK
	if err := unix.IoctlSetTermios(fd, unix.TCSETS2, now); err != nil {
		return err
	}
	if now, err = unix.IoctlGetTermios(fd, unix.TCGETS2); err != nil {
		return err
	}
	t.set = *now
	return nil
}

// lines sets the modem lines that were asked for. Linux raises both as it opens a port; there is no way round that.
func (t *tty) lines(cfg Config) error {
	for _, l := range []struct {
		name, want string
		set        func(bool) error
	}{{"DTR", cfg.DTR, t.lib.SetDTR}, {"RTS", cfg.RTS, t.lib.SetRTS}} {
		if l.want == "" {
			continue
		}
		if err := l.set(l.want == "on"); err != nil {
			return fmt.Errorf("set %s %s: %w: it has no such line", l.name, l.want, err)
		}
	}
	return nil
}

// drain takes what lay there before the port was set up; its bytes ff are not doubled.
func (t *tty) drain() (all []byte) {
	var buf [readBytes]byte
	for len(all) < 1<<16 {
		n, err := t.get(buf[:])
		if n == 0 || err != nil {
			break
		}
		all = append(all, buf[:n]...)
	}
	return all
}

func (t *tty) Close() error {
	t.opens.Close()
	t.watch.Close()
	var err error
	if t.lib != nil {
		_ = t.calm() // without PARMRK, and with no echo for the board until the next program has set it up
		err = t.lib.Close()
	}
	if t.descriptor >= 0 {
		err = errors.Join(err, t.descriptor.Close())
	}
	if t.lock != "" {
		_ = unix.Unlink(t.lock)
	}
	if t.place != nil && !t.kept {
		t.place.Close()
	}
	return err
}

func (t *tty) read(buf []byte) ([]piece, error) {
	if b := t.early; len(b) > 0 {
		t.early = nil
		return []piece{{data: b}}, nil
	}
	n, err := t.get(buf)
	t.got = n
	return t.marks.decode(buf[:n]), err
}

func (t *tty) ledger() *ledger { return t.book }

func (t *tty) ready(d time.Duration) bool { return len(t.early) > 0 || t.watch.wait(t.descriptor, d) }

// full asks the last read too: what it made room for may not have been moved up yet.
func (t *tty) full() bool { return t.got >= heldTTY || t.pending() >= heldTTY }

func (t *tty) rate() int {
	termios, err := unix.IoctlGetTermios(int(t.descriptor), unix.TCGETS2)
	if err != nil {
		return 0
	}
	return int(termios.Ispeed)
}

func (t *tty) caps() Caps {
	c := Caps{Write: true, Break: !t.pseudo, Counters: t.book != nil, Rate: !t.pseudo}
	if t.book == nil {
		c.Unseen = append(c.Unseen, unseenErrors)
	}
	if t.pseudo {
		c.Unseen = append(c.Unseen, unseenBreak, unseenRate)
	}
	return c
}

// look finds other programs that have opened the port, and settings that somebody changed.
func (t *tty) look() (found []finding) {
	t.looks++
	opened := t.opens.since()
	if opened || t.opens == nil || t.looks%lookEvery == 0 {
		all := holders(t.place.rdev)
		for _, h := range all {
			if !t.known[h.pid] {
				t.known[h.pid] = true
				found = append(found, finding{kind: wire.MarkOverrun, other: h.String()})
			}
		}
		if opened && len(all) == 0 {
			found = append(found, finding{kind: wire.MarkOverrun, other: "a program that had closed it again"})
		}
	}
	if now, err := unix.IoctlGetTermios(int(t.descriptor), unix.TCGETS2); err == nil && *now != t.set {
		_ = unix.IoctlSetTermios(int(t.descriptor), unix.TCSETS2, &t.set)
		found = append(found, finding{kind: wire.MarkOverrun, void: "another program changed the settings of the line (" + changed(t.set, *now) + ")"})
	}
	return found
}

func changed(was, is unix.Termios) string {
	var what []string
	if was.Ispeed != is.Ispeed {
		what = append(what, fmt.Sprintf("%d baud", is.Ispeed))
	}
	if was.Iflag != is.Iflag || was.Lflag != is.Lflag {
		what = append(what, "input modes")
	}
	if was.Cflag&unix.CSIZE != is.Cflag&unix.CSIZE || was.Cflag&unix.PARENB != is.Cflag&unix.PARENB {
		what = append(what, "format")
	}
	if len(what) == 0 {
		return "what concerns sending"
	}
	return strings.Join(what, ", ")
}

func (t *tty) write(ctx context.Context, b []byte) error { return t.put(ctx, b) }

// sendBreak drains what was written before, so that the BREAK stays at its place.
func (t *tty) sendBreak(ctx context.Context, d time.Duration) error {
	if t.pseudo {
		return ErrNoBreak
	}
	for {
		n, err := unix.IoctlGetInt(int(t.descriptor), unix.TIOCOUTQ)
		if err != nil || n == 0 {
			break
		}
		if err := nap(ctx, time.Millisecond); err != nil {
			return err
		}
	}
	if err := t.lib.Drain(); err != nil {
		return err
	}
	if err := unix.IoctlSetInt(int(t.descriptor), unix.TIOCSBRK, 0); err != nil {
		return err
	}
	return errors.Join(nap(ctx, d), unix.IoctlSetInt(int(t.descriptor), unix.TIOCCBRK, 0))
}
