// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"lastpage/harness"
	"lastpage/kernels/names"
)

// deepest is how many folders below a matrix its trials lie: scenario, strategy, trial.
const deepest = 3

// mostTrials bounds the trials that are listed.
const mostTrials = 24

// trial refuses a folder that is none; of one that has trials somewhere below, as a run, it says which.
func trial(dir string) error {
	if harness.Exists(filepath.Join(dir, harness.TrialName)) {
		return nil
	}
	st, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: no such folder", dir)
	case err != nil:
		return err
	case !st.IsDir():
		return fmt.Errorf("%s: a file, where the folder of a trial is wanted", dir)
	}
	var found []string
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && strings.Count(path[len(dir):], string(filepath.Separator)) > deepest {
			return fs.SkipDir
		}
		if d.Name() == harness.TrialName {
			found = append(found, filepath.Dir(path))
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return fmt.Errorf("%s: no trial here (no %s), nor in the folders in it", dir, harness.TrialName)
	}
	more := ""
	if n := len(found) - mostTrials; n > 0 {
		found, more = found[:mostTrials], fmt.Sprintf("\n    and %d more", n)
	}
	return fmt.Errorf("%s: no trial here, but there are some in it:\n%s%s", dir, names.Columns(found, 4, 100), more)
}
