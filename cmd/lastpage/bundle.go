// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"lastpage/capture/ring"
	"lastpage/capture/wire"
	"lastpage/harness"
	"lastpage/harness/bundle"
	"lastpage/harness/grade"
)

func newBundle() *cobra.Command {
	var e evidence
	var out string
	var force, strip bool
	c := &cobra.Command{
		Use:   "bundle TRIAL | --wire FILE --ring DUMP",
		Short: "pack the evidence of one grade into one small file, for a mail or a bug report",
		Long: fmt.Sprintf(`Packs a trial, or a capture with its dump, into one file of at most %d MB. "lastpage grade FILE" gives the same grade
anywhere. The dump is shrunk to the ringbuffer.

--strip masks host names, MAC and IP addresses, UUIDs, serial numbers and the kernel's command line, each word by one
of the same length, in the wire and in the ringbuffer alike. The ringbuffer is kept as text then. Look through
the result before you send it: a log may hold what no rule knows.`, bundle.MaxSize>>20),
		Example: `  lastpage bundle runs/latest/legacy/course-001/trial-001 -o lost-warn.tgz
  lastpage bundle --wire console.log --ring vmcore --strip -o ours.tgz
  lastpage grade ours.tgz`,
		Args: cobra.MaximumNArgs(1),
	}
	e.flags(c)
	c.Flags().StringVarP(&out, "out", "o", "", "file to write")
	c.Flags().BoolVar(&force, "force", false, "write over a file that is there")
	c.Flags().BoolVar(&strip, "strip", false, "mask what tells whose machine it was")
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if out == "" {
			return errors.New("where to? give --out FILE")
		}
		if harness.Exists(out) && !force {
			return fmt.Errorf("--out %s is there already: choose another, or say --force", out)
		}
		var b []byte
		var err error
		switch {
		case len(args) == 1:
			if err := idle(cmd, "on a trial, which holds all that is to be known", evidenceFlags...); err != nil {
				return err
			}
			b, err = bundleTrial(cmd, args[0], strip)
		case e.wire != "" && len(e.ring) > 0:
			b, err = e.bundle(cmd, strip)
		default:
			err = errors.New("give the folder of a trial, or --wire FILE with --ring DUMP")
		}
		if err != nil {
			return err
		}
		return harness.WriteFile(out, b)
	}
	return c
}

func bundleTrial(cmd *cobra.Command, dir string, strip bool) ([]byte, error) {
	if err := trial(dir); err != nil {
		return nil, err
	}
	var files []bundle.File
	for _, name := range []string{harness.TrialName, wire.BinName, wire.IdxName, harness.RingName} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, os.ErrNotExist) && name != harness.TrialName && name != wire.BinName {
			continue
		}
		if err != nil {
			return nil, err
		}
		files = append(files, bundle.File{Name: name, Data: data})
	}
	h := bundle.Head{Made: harness.Version(), Of: bundle.OfTrial}
	if strip {
		if err := mask(cmd, &h, files, filepath.Join(dir, harness.RingName)); err != nil {
			return nil, err
		}
	}
	return bundle.Pack(h, files)
}

// bundle packs a capture.
func (e *evidence) bundle(cmd *cobra.Command, strip bool) ([]byte, error) {
	in, err := e.input(cmd)
	if err != nil {
		return nil, err
	}
	h := bundle.Head{Made: harness.Version(), Of: bundle.OfCapture, Loglevel: e.loglevel, RunID: e.runID, Expected: in.Reference}
	files := []bundle.File{{Name: wire.BinName, Data: in.Wire.Bytes(0, in.Wire.Len())}}
	var log bytes.Buffer
	if err := ring.WriteJSON(&log, in.Ring); err != nil {
		return nil, err
	}
	core, err := e.core(cmd)
	if err != nil || strip { // a log that is no memory has no core
		files = append(files, bundle.File{Name: harness.RingText, Data: log.Bytes()})
	} else {
		files = append(files, bundle.File{Name: harness.RingName, Data: core})
	}
	if strip {
		m := bundle.NewMask(append(texts(in.Ring), files[0].Data)...)
		h.Stripped = m.Kinds()
		files[0].Data = m.Bytes(files[0].Data)
		log.Reset()
		if err := ring.WriteJSON(&log, m.Log(in.Ring)); err != nil {
			return nil, err
		}
		files[1].Data = log.Bytes()
	}
	return bundle.Pack(h, files)
}

// core is the small core of the dump.
func (e *evidence) core(cmd *cobra.Command) ([]byte, error) {
	d, err := ring.OpenDump(cmd.Context(), e.ring[0], ring.LoadOptions{Kernel: *e.kernel, Parts: e.ring[1:]})
	if err != nil {
		return nil, err
	}
	defer d.Close()
	r, err := d.Open(cmd.Context())
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = r.WriteCore(cmd.Context(), &b)
	return b.Bytes(), err
}

// mask hides private words in the files of a trial. The ringbuffer becomes text.
func mask(cmd *cobra.Command, h *bundle.Head, files []bundle.File, core string) error {
	var log *ring.Log
	if harness.Exists(core) {
		var err error
		if log, err = ring.Load(cmd.Context(), core, ring.LoadOptions{}); err != nil {
			return err
		}
	}
	all := texts(log)
	for _, f := range files {
		if f.Name == wire.BinName || f.Name == harness.TrialName {
			all = append(all, f.Data)
		}
	}
	m := bundle.NewMask(all...)
	h.Stripped = m.Kinds()
	var plain, bin []byte
	for i := range files {
		f := &files[i]
		var err error
		switch f.Name {
		case wire.BinName: // it comes before its index
			plain, bin = f.Data, m.Bytes(f.Data)
			f.Data = bin
		case wire.IdxName:
			f.Data, err = wire.Reseal(f.Data, plain, bin)
		case harness.TrialName:
			f.Data, err = m.JSON(f.Data)
		case harness.RingName:
			var b bytes.Buffer
			err = ring.WriteJSON(&b, m.Log(log))
			f.Name, f.Data = harness.RingText, b.Bytes()
		}
		if err != nil {
			return fmt.Errorf("mask %s: %w", f.Name, err)
		}
	}
	return nil
}

func texts(log *ring.Log) (all [][]byte) {
	if log == nil {
		return nil
	}
	for i := range log.Records {
		all = append(all, log.Records[i].Text)
	}
	return all
}

// gradeBundle grades what a bundle holds.
func gradeBundle(cmd *cobra.Command, path string) (*grade.Grade, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	dir, err := os.MkdirTemp("", "lastpage-bundle-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	h, err := bundle.Unpack(f, dir)
	if err != nil {
		return nil, err
	}
	var g *grade.Grade
	if h.Of == bundle.OfTrial {
		t, err := harness.Regrade(cmd.Context(), dir)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		g = t.Grade
	} else {
		which := ""
		e := evidence{wire: filepath.Join(dir, wire.BinName), kernel: &which, runID: h.RunID, loglevel: h.Loglevel, reference: h.Expected}
		for _, name := range []string{harness.RingName, harness.RingText} {
			if p := filepath.Join(dir, name); harness.Exists(p) {
				e.ring = []string{p}
			}
		}
		in, err := e.input(cmd)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		g = grade.Make(in)
	}
	if g.Evidence != nil {
		g.Evidence["dir"] = path
	}
	return g, nil
}
