// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"bytes"
)

// settle numbers the records of a text that has no seqs, keeps the last boot of several, and takes the release from the banner.
func (l *Log) settle() {
	w := &l.Witness
	boots := bootsOf(l.Records)
	if n := len(boots); n > 1 {
		l.note("the text holds %d boots: only the last one is read, %d records before it are left out", n, boots[n-1])
		l.Records = l.Records[boots[n-1]:]
	}
	if w.NoSeq {
		for i := range l.Records {
			l.Records[i].Seq = uint64(i)
		}
	}
	if n := len(l.Records); n > 0 {
		l.NextSeq = l.Records[n-1].Seq + 1
	}
	for i := range l.Records {
		if rest, ok := bytes.CutPrefix(l.Records[i].Text, banner); ok {
			release, _, _ := bytes.Cut(rest, []byte{' '})
			l.Release = string(release)
			break
		}
	}
}

var banner = []byte("Linux version ")

// bootsOf gives the index of the first record of each boot: the kernel's banner, or, on arm64, the line before it.
func bootsOf(recs []Record) []int {
	var boots []int
	for i := range recs {
		r := &recs[i]
		if r.Facility != 0 || !bytes.HasPrefix(r.Text, banner) || i > 0 && r.TsNsec > recs[i-1].TsNsec {
			continue
		}
		if i > 0 && bytes.HasPrefix(recs[i-1].Text, []byte("Booting Linux on physical CPU")) {
			i--
		}
		boots = append(boots, i)
	}
	return boots
}

// headless says whether a log does not begin with a boot.
func headless(recs []Record) bool {
	boots := bootsOf(recs)
	return len(boots) == 0 || boots[0] > 0
}
