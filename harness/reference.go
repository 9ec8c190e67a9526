// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"

	"lastpage/harness/grade"
	"lastpage/kernels/plan"
)

// runID is in every record of the probe, so that a dump of another boot is never taken for this one. It is a digest of what was asked
// and not a random number: in exact mode equal inputs must give equal bytes.
func runID(s *Subject, scenario string) string {
	sum := sha256.Sum256([]byte(s.Strategy + "\x00" + s.Kernel + "\x00" + s.Cmdline + "\x00" + scenario))
	return hex.EncodeToString(sum[:4])
}

// Expected is what an uninterrupted trial says the sections hold when nothing goes wrong.
func (t *Trial) Expected() map[string]grade.Count {
	if t.Grade == nil {
		return nil
	}
	m := map[string]grade.Count{}
	for name, s := range t.Grade.Sections {
		if s.Stored != nil && s.Complete {
			m[name] = *s.Stored
		}
	}
	return m
}

// symbols are the kernel's addresses as the guest read them in this boot. They hold for another boot only if it is the same in every
// byte (exact mode) or starts from the same snapshot: with KASLR a concurrent boot has its own.
func (t *Trial) symbols() map[string]uint64 {
	if t.Armed == nil {
		return nil
	}
	m := make(map[string]uint64, len(t.Armed.Symbols))
	for name, hexa := range t.Armed.Symbols {
		if a, err := strconv.ParseUint(hexa, 16, 64); err == nil {
			m[name] = a
		}
	}
	return m
}

// standIn is a reference that knows everything, for asking a bench what it can do before there is one.
func standIn(names []string) *Trial {
	symbols := make(map[string]string, len(names))
	for _, name := range names {
		symbols[name] = "ffffffff81000000"
	}
	return &Trial{Armed: &plan.Message{Symbols: symbols}, Grade: &grade.Grade{PendingAtProvoke: &grade.Count{}}}
}
