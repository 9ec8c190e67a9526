// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"lastpage/harness"
	"lastpage/harness/scenario"
)

// findScenario is the built-in scenario of that name, or what a file says.
func findScenario(ctx context.Context, word string) (harness.Scenario, error) {
	if !scenario.IsFile(word) {
		return harness.FindScenario(word)
	}
	s, err := scenario.Load(ctx, word, nil)
	if err != nil {
		return harness.Scenario{}, err
	}
	return *s, nil
}
