// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"lastpage/harness"
	"lastpage/kernels/plan"
	"lastpage/kernels/store"
)

// Where the guest has what the user brings.
const (
	guestDir     = "/lastpage/own"
	guestBusybox = "/bin/busybox"
)

// bring puts what f names into the store, and tells s to run it. Paths are relative to dir.
func (f *file) bring(ctx context.Context, s *harness.Scenario, dir string, progress io.Writer) error {
	g := &f.Guest
	var given []string
	for name, v := range map[string]string{"program": g.Program, "script": g.Script, "module": g.Module} {
		if v != "" {
			given = append(given, name)
		}
	}
	switch {
	case len(given) > 1:
		return fmt.Errorf("guest: program, script, module: want one of them")
	case len(given) == 0:
		if len(g.Args) > 0 || g.Params != "" || len(g.Files) > 0 || g.AnyCPU || g.Probe != nil {
			return errors.New("guest: args, params, files, any-cpu and probe belong to a program, a script or a module, and there is none")
		}
		if s.Provoke == "" {
			return fmt.Errorf("guest: want provoke (%q), a program, a script or a module", plan.Provokes())
		}
		return nil
	case s.Provoke != "" && s.Provoke != plan.ProvokeNone:
		return fmt.Errorf("guest: %s beside provoke %s: want one of them", given[0], s.Provoke)
	case g.Params != "" && g.Module == "" || len(g.Args) > 0 && g.Module != "":
		return errors.New("guest: a module has params, a program or script has args")
	}
	s.NoProbe = g.Probe != nil && !*g.Probe
	s.Provoke, s.Run = plan.ProvokeNone, &plan.Run{AnyCPU: g.AnyCPU}
	abs := func(p string) string {
		if filepath.IsAbs(p) {
			return p
		}
		return filepath.Join(dir, p)
	}
	for _, p := range g.Files {
		if err := keep(ctx, s, abs(p), path.Join(guestDir, filepath.Base(p)), p); err != nil {
			return err
		}
	}
	switch {
	case g.Script != "":
		return script(ctx, s, g)
	case g.Module != "":
		at := path.Join(guestDir, filepath.Base(g.Module))
		s.Run.Module, s.Run.Params = at, g.Params
		if err := isModule(abs(g.Module)); err != nil {
			return fmt.Errorf("guest: module %s: %w", g.Module, err)
		}
		return keep(ctx, s, abs(g.Module), at, g.Module)
	}
	from := abs(g.Program)
	if filepath.Ext(from) == ".c" {
		made, err := compile(ctx, from, progress)
		if err != nil {
			return fmt.Errorf("guest: program %s: %w", g.Program, err)
		}
		from = made
	}
	if err := isStatic(from); err != nil {
		return fmt.Errorf("guest: program %s: %w", g.Program, err)
	}
	at := path.Join(guestDir, strings.TrimSuffix(filepath.Base(g.Program), ".c"))
	s.Run.Argv = append([]string{at}, g.Args...)
	return keep(ctx, s, from, at, g.Program)
}

// keep adds a file of the guest's. It is copied into the store, under its content.
func keep(ctx context.Context, s *harness.Scenario, from, guest, what string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return fmt.Errorf("guest: %w", err)
	}
	return put(ctx, s, data, guest, what)
}

func put(ctx context.Context, s *harness.Scenario, data []byte, guest, what string) error {
	for _, f := range s.Files {
		if f.Guest == guest {
			return fmt.Errorf("guest: %s and %s have one name there, %s", f.What, what, guest)
		}
	}
	dir, err := store.Do(ctx, "own", store.Key(string(data)), nil, func(_ context.Context, tmp string) error {
		return os.WriteFile(filepath.Join(tmp, "file"), data, 0o755)
	})
	if err != nil {
		return err
	}
	s.Files = append(s.Files, harness.File{Guest: guest, From: filepath.Join(dir, "file"), What: what})
	return nil
}

// script brings the built-in shell, which is busybox.
func script(ctx context.Context, s *harness.Scenario, g *guest) error {
	box, err := exec.LookPath("busybox")
	if err != nil {
		return errors.New("guest: script: busybox: not found: install busybox-static (setup.sh does)")
	}
	if err := isStatic(box); err != nil {
		return fmt.Errorf("guest: script: %s: %w", box, err)
	}
	if err := keep(ctx, s, box, guestBusybox, box); err != nil {
		return err
	}
	at := path.Join(guestDir, "script")
	s.Run.Argv, s.Run.Applets = append([]string{guestBusybox, "sh", at}, g.Args...), true
	return put(ctx, s, []byte(g.Script), at, "script")
}

// compile makes a static program of C source, as syzkaller's reproducers are made.
func compile(ctx context.Context, source string, progress io.Writer) (string, error) {
	data, err := os.ReadFile(source)
	if err != nil {
		return "", err
	}
	dir, err := store.Do(ctx, "reproducer", store.Key("1", string(data)), progress, func(ctx context.Context, tmp string) error {
		if progress != nil {
			fmt.Fprintf(progress, "compiling %s\n", source)
		}
		cmd := store.Command(ctx, tmp, "gcc", "-O1", "-static", "-pthread", "-w", "-x", "c", "-o", filepath.Join(tmp, "program"), "-")
		cmd.Stdin = bytes.NewReader(data)
		if out, err := cmd.CombinedOutput(); err != nil {
			text := strings.TrimSpace(string(out))
			return fmt.Errorf("run gcc -static: %w:\n%s", err, text[:min(len(text), 2000)])
		}
		return nil
	})
	return filepath.Join(dir, "program"), err
}

// isStatic says why a file cannot run in a guest that has no libraries.
func isStatic(path string) error {
	f, err := elf.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return err
	} else if err != nil {
		return fmt.Errorf("want a static program for x86-64, or C source in a file named .c: %w", err)
	}
	defer f.Close()
	if f.Machine != elf.EM_X86_64 || f.Type != elf.ET_EXEC && f.Type != elf.ET_DYN {
		return fmt.Errorf("want a static program for x86-64, it is %v, %v", f.Machine, f.Type)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return errors.New("it wants a dynamic loader, and the guest has none: link it with -static")
		}
	}
	return nil
}

func isModule(path string) error {
	f, err := elf.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return err
	} else if err != nil {
		return fmt.Errorf("want a module (.ko): %w", err)
	}
	defer f.Close()
	if f.Type != elf.ET_REL || f.Section(".modinfo") == nil || f.Section(".gnu.linkonce.this_module") == nil {
		return errors.New("want a module (.ko), built with the kernel's own build system (make -C BUILD M=$PWD modules)")
	}
	return nil
}
