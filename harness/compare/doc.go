// SPDX-License-Identifier: Apache-2.0

// Package compare puts trials together: runs (strategies side by side), sweeps (one strategy, every moment) and matrices (every strategy in
// every scenario), as values without text.
//
// Data comes in as subjects and what is wanted of them, goes through harness.Conduct a trial at a time, and goes out as a value that is
// kept as JSON while it grows. What is there already is gone on with, if it was made under the same conditions. harness/report shows these
// values; harness/gate decides on them.
package compare
