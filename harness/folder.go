// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"lastpage/dut"
)

// Names of the files in a trial's folder beside the wire's own.
const (
	TrialName   = "trial.json"
	RingName    = "ring.elf"
	RingText    = dut.DumpText // in its place: of a board that brings no memory, and in a bundle whose private words are masked
	ConsoleName = "console.txt"
	DmesgName   = "dmesg.txt"
	GradeName   = "grade.txt"
)

// save writes trial.json so that a reader finds the old one or the new one, whole.
func (t *Trial) save() error { return WriteJSON(filepath.Join(t.dir, TrialName), t) }

// WriteJSON replaces a file in one step.
func WriteJSON(path string, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("encode %s: %w", path, err)
	}
	return WriteFile(path, b.Bytes())
}

// WriteFile replaces a file in one step: whoever opens it finds the old content or the new, never a part.
func WriteFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// LoadTrial reads a trial's folder. A trial that the harness never finished is returned together with ErrUnfinished.
func LoadTrial(dir string) (*Trial, error) {
	path := filepath.Join(dir, TrialName)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: no trial here (no %s)", dir, TrialName)
	}
	if err != nil {
		return nil, fmt.Errorf("read trial: %w", err)
	}
	t := &Trial{dir: dir}
	dec := json.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(t); err != nil {
		at := dec.InputOffset() // of the last whole value: the beginning, if the file just ends
		if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
			at = int64(len(data))
		}
		return nil, fmt.Errorf("read %s: at byte %d: %w", path, at, err)
	}
	if t.Schema != TrialSchema {
		return nil, fmt.Errorf("read %s: schema %q, this program reads %q", path, t.Schema, TrialSchema)
	}
	if t.Order.Plan == nil {
		return nil, fmt.Errorf("read %s: no plan in it", path)
	}
	if t.Status != Finished {
		return t, fmt.Errorf("%s: %w", dir, ErrUnfinished)
	}
	return t, nil
}

// ErrUnfinished: the harness did not live to see the end of this trial. What it captured is there, but it is no evidence.
var ErrUnfinished = errors.New("this trial was never finished")

// Exists says whether there is anything by that name.
func Exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
