// SPDX-License-Identifier: Apache-2.0

package report

import (
	"maps"
	"slices"
)

// origin tells, a line each, what a kernel of the user's was made from.
func origin(o map[string]string) (lines []string) {
	for _, name := range slices.Sorted(maps.Keys(o)) {
		lines = append(lines, name+" "+o[name])
	}
	return lines
}
