// SPDX-License-Identifier: Apache-2.0

package foreign

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"lastpage/capture/ring"
	"lastpage/harness/align"
)

// Levels of a console (include/linux/printk.h, lib/Kconfig.debug).
const (
	defaultLevel = 7  // CONFIG_CONSOLE_LOGLEVEL_DEFAULT
	quietLevel   = 4  // CONFIG_CONSOLE_LOGLEVEL_QUIET
	debugLevel   = 10 // CONSOLE_LOGLEVEL_DEBUG
	everyLevel   = 16 // ignore_loglevel
)

const commandLine = "Command line: "

// CommandLine is what the kernel says of its own command line; "" if the records do not have it.
func CommandLine(recs []ring.Record) string {
	for i := range recs {
		t := string(recs[i].Text)
		if s, ok := strings.CutPrefix(t, "Kernel command line: "); ok { // all architectures, setup_command_line's
			return s
		}
		if s, ok := strings.CutPrefix(t, commandLine); ok { // x86
			return s
		}
	}
	return ""
}

// BootLevel is console_loglevel as a command line sets it (kernel/printk/printk.c, init/main.c): the last word that says something holds.
func BootLevel(cmdline string) (level int, why string) {
	level, why = defaultLevel, "the kernel's default"
	for _, w := range strings.Fields(cmdline) {
		switch w {
		case "--":
			return level, why
		case "quiet":
			level, why = quietLevel, w
		case "debug":
			level, why = debugLevel, w
		case "ignore_loglevel":
			return everyLevel, w
		default:
			if v, ok := strings.CutPrefix(w, "loglevel="); ok {
				if n, err := strconv.Atoi(v); err == nil && n >= 0 && n <= 15 {
					level, why = n, w
				}
			}
		}
	}
	return level, why
}

// leastRun is how many records of a level must be missing in a row before somebody is believed to have set console_loglevel.
const leastRun = 4

// Stops finds changes of console_loglevel in the middle: from some record on no record of a level and above is on the wire any more, while
// records of lower levels are. It gives the levels with what was found, and one sentence for each change.
//
// a is the alignment under levels.
func Stops(a *align.Result, recs []ring.Record, levels []align.Level) (all []align.Level, why []string) {
	all = levels
	for level := 1; level < 8; level++ {
		from, n, below := quietFrom(a, recs, levels, level)
		if n < leastRun || below < leastRun {
			continue
		}
		all = append(slices.Clone(levels), align.Level{From: from, Loglevel: level})
		why = append(why, fmt.Sprintf("suppressed, probably: from record %d on none of %d records of level %d and above is on the wire, and %d below are (dmesg -n, sysrq)",
			from, n, level, below))
		return all, why
	}
	return all, nil
}

// quietFrom is the record from which on none of a level and above is on the wire, how many there are, and how many of lower levels are on
// the wire between them.
func quietFrom(a *align.Result, recs []ring.Record, levels []align.Level, level int) (from uint64, n, below int) {
	end := len(a.Entries)
	for i := range a.Entries {
		if e := &a.Entries[i]; e.Rec >= 0 && verbose(&recs[e.Rec]) {
			end = i
			break
		}
	}
	start, last := end, -1
	for i := end - 1; i >= 0; i-- {
		e := &a.Entries[i]
		if e.Rec < 0 || !recs[e.Rec].State.Stored() || len(recs[e.Rec].Text) == 0 {
			continue
		}
		if r := &recs[e.Rec]; int(r.Level) >= level && align.LevelAt(levels, r.Seq) > int(r.Level) {
			if e.Best >= 0 {
				break // here it was still printed
			}
			from, start, last = r.Seq, i, max(last, i)
			n++
		}
	}
	// Between them those of lower levels are there: otherwise something else took them all.
	gone := 0
	for i := start; i <= last; i++ {
		e := &a.Entries[i]
		if e.Rec < 0 || !recs[e.Rec].State.Stored() || int(recs[e.Rec].Level) >= level {
			continue
		}
		if e.Best >= 0 {
			below++
		} else {
			gone++
		}
	}
	if gone*10 > below {
		return from, n, 0
	}
	return from, n, below
}

// verbose: from here on the kernel prints all levels.
func verbose(r *ring.Record) bool { return strings.HasPrefix(string(r.Text), "Kernel panic") }
