// SPDX-License-Identifier: Apache-2.0

package match

import (
	"bytes"
	"fmt"

	"github.com/onsi/gomega/types"

	"lastpage/capture/wire"
	"lastpage/harness"
	"lastpage/harness/grade"
)

// HaveEveryByteExplained: there is no byte on the wire of which it is not known which record, or which word of the console code, it is.
func HaveEveryByteExplained() types.GomegaMatcher {
	return about("have every byte of the wire explained", func(_ *harness.Trial, g *grade.Grade) (wrong []string, _ error) {
		if g.Wire.Bytes == 0 {
			wrong = append(wrong, "the wire is empty")
		}
		if n := g.Wire.Unexplained; n > 0 {
			wrong = append(wrong, fmt.Sprintf("%d bytes are unexplained", n))
		}
		if n := g.Wire.Foreign; n > 0 {
			wrong = append(wrong, fmt.Sprintf("%d bytes are foreign; nobody but the kernel writes to this console", n))
		}
		return wrong, nil
	})
}

// HaveLostNoByte: the board's account of its tap shows nothing lost, thrown away or changed between the guest's write and the record of the
// wire, and as many bytes on the wire as the guest wrote.
func HaveLostNoByte() types.GomegaMatcher {
	return about("have lost no byte between the guest and the capture", func(t *harness.Trial, g *grade.Grade) (wrong []string, _ error) {
		switch {
		case t == nil:
			return nil, fmt.Errorf("a grade alone has no account of the tap: give the trial")
		case t.Audit.Sent == nil || len(t.Audit.Losses) == 0:
			return nil, fmt.Errorf("this board cannot say what its tap lost")
		}
		for _, name := range t.Audit.Losses {
			n, ok := t.Audit.Figures[name]
			if !ok {
				return nil, fmt.Errorf("the audit has no figure %q", name)
			}
			if n != 0 {
				wrong = append(wrong, fmt.Sprintf("%s is %d", name, n))
			}
		}
		if sent := *t.Audit.Sent; sent != g.Wire.Bytes {
			wrong = append(wrong, fmt.Sprintf("the guest sent %d bytes, %d are captured", sent, g.Wire.Bytes))
		}
		return wrong, nil
	})
}

// burst is how many bytes must follow each other without a pause before a rate is taken from them.
const burst = 64

// RunAt: the line runs at this rate (bytes/s). Both the median of the rates inside whole records and the fastest stretch of 64 bytes are
// within tolerance (a share) of it, so that the line is neither kept waiting nor ever faster than its frames allow.
func RunAt(rate, tolerance float64) types.GomegaMatcher {
	off := func(r float64) bool { return r/rate-1 > tolerance || r/rate-1 < -tolerance }
	return about(fmt.Sprintf("run at %g bytes/s, give or take %g %%", rate, 100*tolerance), func(t *harness.Trial, g *grade.Grade) (wrong []string, _ error) {
		log, err := load(t)
		if err != nil {
			return nil, err
		}
		fastest, ok := peak(log)
		if !ok || g.Wire.Rate == nil {
			return nil, fmt.Errorf("no record, or no %d bytes of the wire, has times", burst)
		}
		if off(fastest) {
			wrong = append(wrong, fmt.Sprintf("its fastest %d bytes ran at %.1f bytes/s", burst, fastest))
		}
		if off(*g.Wire.Rate) {
			wrong = append(wrong, fmt.Sprintf("the median inside its records is %.1f bytes/s", *g.Wire.Rate))
		}
		return wrong, nil
	})
}

// peak is the rate of the fastest stretch of the wire, in bytes/s.
func peak(log *wire.Log) (fastest float64, ok bool) {
	for from := int64(0); from+burst < log.Len(); from++ {
		if r, timed := log.Rate(from, from+burst+1); timed && r > fastest {
			fastest, ok = r, true
		}
	}
	return fastest, ok
}

func load(t *harness.Trial) (*wire.Log, error) {
	if t == nil {
		return nil, fmt.Errorf("a grade alone has no wire: give the trial")
	}
	log, info, err := wire.LoadDir(t.Dir())
	if err == nil && !info.Finished {
		err = fmt.Errorf("the capture in %s is unfinished: %s", t.Dir(), info.Why)
	}
	return log, err
}

// HaveTheWireOf: byte for byte, and each byte at the same virtual time, this is the wire of another trial.
func HaveTheWireOf(other *harness.Trial) types.GomegaMatcher {
	return about("have the same wire as "+other.Dir(), func(t *harness.Trial, _ *grade.Grade) ([]string, error) {
		mine, err := load(t)
		if err != nil {
			return nil, err
		}
		theirs, err := load(other)
		if err != nil {
			return nil, err
		}
		a, b := mine.Bytes(0, mine.Len()), theirs.Bytes(0, theirs.Len())
		for i := int64(0); i < min(mine.Len(), theirs.Len()); i++ {
			ta, _ := mine.TimeAt(i)
			tb, _ := theirs.TimeAt(i)
			if a[i] != b[i] || ta != tb {
				return []string{fmt.Sprintf("byte %d is %q at %d ns here, %q at %d ns there, after %q", i, a[i], ta, b[i], tb, a[max(0, i-60):i])}, nil
			}
		}
		if !bytes.Equal(a, b) {
			return []string{fmt.Sprintf("%d bytes here, %d there; they are the same as far as both go", len(a), len(b))}, nil
		}
		return nil, nil
	})
}
