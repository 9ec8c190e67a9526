// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"path/filepath"

	"lastpage/harness"
	"lastpage/harness/compare"
)

// Views writes what other programs read of a sweep into its folder: sweep.tsv with a line for every point.
func Views(sw *compare.Sweep, dir string) error {
	var b bytes.Buffer
	if err := Points(sw).TSV(&b); err != nil {
		return err
	}
	return harness.WriteFile(filepath.Join(dir, "sweep.tsv"), b.Bytes())
}
