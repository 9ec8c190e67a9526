// SPDX-License-Identifier: Apache-2.0

package pattern

import (
	"encoding/hex"
	"math"
)

// keep bounds what a Reader holds of a stretch in which no frame is whole, bytes.
const keep = 256 << 10

// Reader judges a stream as it comes. Every byte counts once, in whatever pieces they come.
type Reader struct {
	form  Form
	id    uint32
	known bool  // id is
	begin bool  // the stream comes from its beginning on
	total int64 // frames; -1: not known yet
	next  int64 // frame that should come; -1: none has come yet
	done  bool  // the last one has

	buf     []byte // came and is not judged
	at      int64  // offset of its first byte in what came
	scan    int    // no frame begins before it in buf
	skipped int64  // bytes before buf that are not judged and were too many to keep
	res     Result
}

// NewReader reads the first stream of this form that comes, from wherever it is met.
func NewReader(f Form) *Reader {
	return &Reader{form: f, total: -1, next: -1, res: Result{Faults: []Fault{}}}
}

// Reader reads this stream from its beginning on: what is missing before the first frame that comes is lost.
func (s Stream) Reader() *Reader {
	r := NewReader(s.Form)
	r.id, r.known, r.begin = s.ID, true, true
	return r
}

// Sent says how many frames were sent in all; the last ones say so too.
func (r *Reader) Sent(frames int64) {
	if r.total = frames; r.next == frames {
		r.finished()
	}
}

// Done says that the stream's last frame has come: whatever comes then is none of it.
func (r *Reader) Done() bool { return r.done }

// Told says whether it is known where the stream ends.
func (r *Reader) Told() bool { return r.total >= 0 }

// Position is the offset in the stream up to which it was judged.
func (r *Reader) Position() int64 { return max(0, r.next) * FrameBytes }

// Met says whether a whole frame of the stream has come.
func (r *Reader) Met() bool { return r.next >= 0 }

// Result is what is known by now. What came after the last whole frame is in Received only.
func (r *Reader) Result() Result {
	res := r.res
	res.End, res.Ended = r.Position(), r.done
	return res
}

// Feed takes the next bytes.
func (r *Reader) Feed(b []byte) {
	r.res.Received += int64(len(b))
	for len(b) > 0 {
		if r.done {
			r.res.After += int64(len(b))
			return
		}
		n := min(len(b), 4096)
		r.buf = append(r.buf, b[:n]...)
		b = b[n:]
		r.work()
	}
}

// work looks for frames.
func (r *Reader) work() {
	for !r.done && len(r.buf)-r.scan >= FrameBytes {
		h, ok := r.form.parse(r.buf[r.scan:])
		if ok && r.belongs(h) {
			r.anchor(h)
			continue
		}
		if r.scan++; r.scan == keep {
			if r.next < 0 {
				r.res.Before += keep
			} else {
				r.skipped += keep
			}
			r.take(keep)
		}
	}
}

// belongs says whether a frame is one that may come next. One that came before is no mark to go by: it was doubled, or sent again.
func (r *Reader) belongs(h head) bool {
	return (!r.known || h.id == r.id) && h.n >= r.next && (r.total < 0 || h.n < r.total) && (h.left < 0 || r.total < 0 || h.n+h.left+1 == r.total)
}

// anchor judges what came before a whole frame, and takes that.
func (r *Reader) anchor(h head) {
	r.id, r.known = h.id, true
	if h.left >= 0 {
		r.total = h.n + h.left + 1
	}
	came := r.buf[:r.scan]
	switch {
	case r.next >= 0:
		r.judge(r.next*FrameBytes, h.n*FrameBytes, came, free{})
	case r.begin:
		r.judge(0, h.n*FrameBytes, came, free{head: true})
	default:
		n := r.suffix(came, 0, h.n*FrameBytes)
		r.res.Before += int64(len(came)) - n
		r.res.Matched += n
		r.res.First = h.n*FrameBytes - n
	}
	r.res.Matched += FrameBytes
	r.next = h.n + 1
	r.take(r.scan + FrameBytes)
	r.skipped = 0
	if r.next == r.total {
		r.finished()
	}
}

// take drops the first n bytes that are held.
func (r *Reader) take(n int) {
	r.buf = append(r.buf[:0], r.buf[n:]...)
	r.at += int64(n)
	r.scan = 0
}

func (r *Reader) finished() {
	r.done = true
	r.res.After += int64(len(r.buf))
	r.buf = nil
}

// Finish judges what is left, and gives the result. Nothing may be fed after it.
func (r *Reader) Finish() Result {
	left := int64(len(r.buf)) + r.skipped
	switch {
	case r.done:
	case r.next < 0 && r.begin && r.total >= 0:
		r.judge(0, r.total*FrameBytes, r.buf, free{head: true, tail: true})
		r.next, r.done = r.total, true
	case r.next < 0:
		r.res.Before += left
	case r.total >= 0:
		r.judge(r.next*FrameBytes, r.total*FrameBytes, r.buf, free{tail: true})
		r.next, r.done = r.total, true
	default:
		at := r.next * FrameBytes
		r.res.End = r.judge(at, at+left+keep, r.buf, free{open: true})
		r.buf = nil
		return r.res
	}
	r.buf = nil
	return r.Result()
}

// bytes are those of the stream from one offset to another.
func (r *Reader) bytes(from, to int64) []byte {
	if to <= from {
		return nil
	}
	first := from / FrameBytes
	var b []byte
	for n := first; n*FrameBytes < to; n++ {
		b = Stream{r.id, r.form}.Append(b, n, r.left(n))
	}
	return b[from-first*FrameBytes : to-first*FrameBytes]
}

// left is how many frames follow frame n, where it says so.
func (r *Reader) left(n int64) int64 {
	if r.total < 0 {
		return -1
	}
	return r.total - 1 - n
}

// prefix is how many bytes b and the stream between two offsets have in common at their beginnings.
func (r *Reader) prefix(b []byte, from, to int64) (n int64) {
	for to = min(to, from+int64(len(b))); from < to; {
		end := min(to, (from/FrameBytes+1)*FrameBytes)
		for _, c := range r.bytes(from, end) {
			if b[n] != c {
				return n
			}
			n++
		}
		from = end
	}
	return n
}

// suffix is the same at their ends.
func (r *Reader) suffix(b []byte, from, to int64) (n int64) {
	for from = max(from, to-int64(len(b))); from < to; {
		begin := max(from, (to-1)/FrameBytes*FrameBytes)
		part := r.bytes(begin, to)
		for i := len(part) - 1; i >= 0; i-- {
			if b[int64(len(b))-1-n] != part[i] {
				return n
			}
			n++
		}
		to = begin
	}
	return n
}

// judge says what became of the stream between two offsets, in whose place came is what came. It gives the offset up to which it went, which is
// before the second one where the stream's end is open.
func (r *Reader) judge(from, to int64, came []byte, f free) int64 {
	got := r.at
	if !f.tail && !f.open {
		n := r.suffix(came, from, to)
		to, came = to-n, came[:int64(len(came))-n]
		r.res.Matched += n
	}
	if r.skipped > 0 {
		n := r.skipped + int64(len(came))
		if f.open {
			to = from + n
		}
		r.coarse(from, to-from, got-r.skipped, n)
		return to
	}
	if !f.head {
		n := r.prefix(came, from, to)
		from, came, got = from+n, came[n:], got+n
		r.res.Matched += n
	}
	sent := to - from
	if limit := 2*sent + 4*FrameBytes; int64(len(came)) > limit { // what is free in any case
		if more := int64(len(came)) - limit; f.head {
			r.res.Before += more
			came, got = came[more:], got+more
		} else if f.tail {
			r.res.After += more
			came = came[:limit]
		}
	}
	if f.open {
		sent = min(sent, 2*int64(len(came)))
	}
	if sent > int64(len(came))+keep {
		if len(came) > 0 {
			r.coarse(from, sent, got, int64(len(came)))
		} else {
			r.fault(Fault{Kind: Lost, At: from, Got: got, Bytes: sent, Sent: r.shown(from, to)})
		}
		return to
	}
	return r.tell(from, got, edits(r.bytes(from, from+sent), came, f), came, f)
}

// coarse tells of a stretch in which nothing was recognised.
func (r *Reader) coarse(from, sent, got, came int64) {
	same := min(sent, came)
	r.fault(Fault{Kind: Changed, At: from, Got: got, Bytes: same, Coarse: true})
	r.fault(Fault{Kind: Lost, At: from + same, Got: got + same, Bytes: sent - same, Coarse: true})
	r.fault(Fault{Kind: Inserted, At: from + same, Got: got + same, Bytes: came - same, Coarse: true})
}

// tell counts edits that begin at these offsets, and gives the offset in the stream after them.
func (r *Reader) tell(from, got int64, all []edit, came []byte, f free) int64 {
	begin := got
	for i, e := range all {
		sent, n := int64(e.sent), int64(e.came)
		bytes := came[got-begin : got-begin+n]
		switch {
		case e.kind == '=':
			r.res.Matched += sent
		case e.kind == '?':
			r.coarse(from, sent, got, n)
		case e.kind == '+' && f.head && i == 0:
			r.res.Before += n
		case e.kind == '+' && f.tail && i == len(all)-1:
			r.res.After += n
		case e.kind == '+':
			f := Fault{Kind: Inserted, At: from, Got: got, Bytes: n, Came: hexed(bytes)}
			if before := r.suffix(bytes, 0, from); before+r.prefix(bytes, from, math.MaxInt64/2) >= n {
				f.Kind, f.At = Doubled, from-before
			}
			r.fault(f)
		case e.kind == '-':
			r.fault(Fault{Kind: Lost, At: from, Got: got, Bytes: sent, Sent: r.shown(from, from+sent)})
		default:
			r.fault(Fault{Kind: Changed, At: from, Got: got, Bytes: sent, Sent: r.shown(from, from+sent), Came: hexed(bytes)})
		}
		from, got = from+sent, got+n
	}
	return from
}

func (r *Reader) fault(f Fault) { r.res.add(f) }

func (r *Reader) shown(from, to int64) string { return hexed(r.bytes(from, min(to, from+shown))) }

func hexed(b []byte) string { return hex.EncodeToString(b[:min(len(b), shown)]) }
