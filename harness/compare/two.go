// SPDX-License-Identifier: Apache-2.0

package compare

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"lastpage/harness/gate"
)

// LoadRun reads the run of a folder.
func LoadRun(dir string) (*Run, error) {
	path := filepath.Join(dir, RunName)
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := &Run{out: &Folder{Dir: dir}}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if r.Schema != RunSchema {
		return nil, fmt.Errorf("read %s: schema %q, this program reads %q", path, r.Schema, RunSchema)
	}
	return r, nil
}

// TwoSchema names the form of a Two.
const TwoSchema = "lastpage.two-runs/1"

// Two are the shares of two runs, strategy by strategy.
type Two struct {
	Schema string     `json:"schema"`
	Rows   []TwoShare `json:"rows"`
}

// TwoShare is in how many courses of each run one letter came out, and whether the two shares differ.
type TwoShare struct {
	Strategy string           `json:"strategy"`
	Letter   string           `json:"letter"`
	Courses  [2]int           `json:"courses"`
	Of       [2]int           `json:"of"`
	Share    [2]gate.Interval `json:"share_95"`
	P        float64          `json:"p"` // Fisher's exact test, two-sided: small where the shares differ
}

// CompareRuns puts the outcomes of two runs beside each other: every letter that came out, of every strategy that both have.
func CompareRuns(a, b *Run) (*Two, error) {
	if a.Scenario != b.Scenario {
		return nil, fmt.Errorf("one run is of scenario %s, the other of %s", a.Scenario, b.Scenario)
	}
	two := &Two{Schema: TwoSchema, Rows: []TwoShare{}}
	for _, x := range a.Rows {
		i := slices.IndexFunc(b.Rows, func(y *Row) bool { return y.Strategy == x.Strategy })
		if i < 0 {
			continue
		}
		kinds := [2][]Kind{x.Kinds(), b.Rows[i].Kinds()}
		if len(kinds[0]) == 0 || len(kinds[1]) == 0 {
			return nil, fmt.Errorf("%s: no course of a run has a letter", x.Strategy)
		}
		var letters []string
		for _, k := range slices.Concat(kinds[0], kinds[1]) {
			if !slices.Contains(letters, k.Letter) {
				letters = append(letters, k.Letter)
			}
		}
		slices.Sort(letters)
		for _, l := range letters {
			row := TwoShare{Strategy: x.Strategy, Letter: l}
			for j := range kinds {
				row.Of[j] = kinds[j][0].Of
				for _, k := range kinds[j] {
					if k.Letter == l {
						row.Courses[j] = k.Courses
					}
				}
				row.Share[j] = gate.Share(row.Courses[j], row.Of[j])
			}
			row.P = gate.Differ(row.Courses[0], row.Of[0], row.Courses[1], row.Of[1])
			two.Rows = append(two.Rows, row)
		}
	}
	if len(two.Rows) == 0 {
		return nil, fmt.Errorf("the two runs have no strategy in common")
	}
	return two, nil
}
