// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"unsafe"

	"lastpage/kernels/plan"
)

// What a program of the user's writes goes into a file: a terminal would be the console under test, and a pipe would want a reader.
const (
	outputFile = "/lastpage/output"
	busybox    = "/bin/busybox"
	maxTail    = 4096 // bytes of it that are told
)

var environment = []string{"PATH=/bin:/sbin:/usr/bin:/usr/sbin", "HOME=/"}

// provoke carries a plan's Run out and says how it ended. That a program fails is no error: it may have done what it is there for.
func provoke(p *plan.Plan) (*plan.Message, error) {
	r := p.Run
	if !r.AnyCPU {
		if err := pin(p.ProvokeCPU); err != nil {
			return nil, err
		}
	}
	out, err := os.OpenFile(outputFile, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	if err := ring(plan.Provoked, plan.RunArg); err != nil {
		return nil, err
	}
	m := &plan.Message{Event: plan.EventRan}
	if r.Module != "" {
		m.Text = "loaded"
		if err := load(r.Module, r.Params); err != nil { // its init function may well say no
			m.Text = err.Error()
		}
	} else if m.Text, err = spawn(r.Argv, out.Fd()); err != nil {
		return nil, err
	}
	if err := ring(plan.ProvokeDone, 0); err != nil {
		return nil, err
	}
	m.Line = tail(out)
	return m, nil
}

// pin keeps the calling thread, and what it starts, on one CPU.
func pin(cpu int) error {
	runtime.LockOSThread()
	var set [plan.MaxCPU/8 + 1]byte
	set[cpu/8] = 1 << (cpu % 8)
	if _, _, errno := syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, 0, uintptr(len(set)), uintptr(unsafe.Pointer(&set[0]))); errno != 0 {
		return fmt.Errorf("run on CPU %d: %w", cpu, errno)
	}
	return nil
}

// door rings the doorbell: through the probe, or by itself.
var door = func(word uint32) error { return poke("ring", fmt.Sprint(word)) }

func ring(c plan.Code, arg uint32) error { return door(plan.Word(c, arg)) }

// spawn runs a program to its end. Its standard output and error are out.
func spawn(argv []string, out uintptr) (string, error) {
	pid, err := syscall.ForkExec(argv[0], argv, &syscall.ProcAttr{Dir: "/", Env: environment, Files: []uintptr{0, out, out}})
	if err != nil {
		return "", fmt.Errorf("run %s: %w", argv[0], err)
	}
	var status syscall.WaitStatus
	for {
		got, err := syscall.Wait4(pid, &status, 0, nil)
		switch {
		case err == syscall.EINTR || err == nil && got != pid:
		case err != nil:
			return "", fmt.Errorf("wait for %s: %w", argv[0], err)
		case status.Signaled():
			return "killed by " + status.Signal().String(), nil
		default:
			return fmt.Sprintf("exit status %d", status.ExitStatus()), nil
		}
	}
}

// tail is the end of a file.
func tail(f *os.File) string {
	st, err := f.Stat()
	if err != nil {
		return ""
	}
	buf := make([]byte, min(maxTail, st.Size()))
	n, _ := f.ReadAt(buf, st.Size()-int64(len(buf)))
	return strings.ToValidUTF8(string(buf[:n]), "?")
}

// applets gives the built-in shell its programs.
func applets() error {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	said, err := spawn([]string{busybox, "--install", "-s", "/bin"}, null.Fd())
	if err == nil && said != "exit status 0" {
		err = fmt.Errorf("run %s --install: %s", busybox, said)
	}
	return err
}
