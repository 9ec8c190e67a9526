// SPDX-License-Identifier: Apache-2.0

// Package replay holds trials that were recorded once and are graded again and
// again: small text files, one odd thing in each, with what must come out in
// the header. They need no board, no kernel and no QEMU.
//
// Cases gives those that are compiled in; Parse reads one from anywhere. The
// form, in lines:
//
//	# free words: what is odd, and where it comes from
//	KEY: VALUE            see header
//	expect: PATH = JSON   a field of the grade's JSON form, by its path
//	-- ring --
//	SEQ TS_NSEC LEVEL CALLER STATE[,DATA] TEXT
//	-- wire --
//	@NS                   the next byte ended at NS; each one after it one frame later
//	TEXT                  bytes of the wire, escaped; the end of this line is none of them
//
// TEXT is escaped as in wire.AppendVisible.
package replay

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"lastpage/capture/ring"
	"lastpage/capture/wire"
	"lastpage/harness/grade"
	"lastpage/kernels/plan"
)

//go:embed testdata/*.txt
var files embed.FS

// Case is one recorded trial.
type Case struct {
	Name   string // of the file, without .txt
	Title  string // its first line
	Input  grade.Input
	Expect []Expectation
}

// Expectation is one field that the grade must have.
type Expectation struct {
	Path string // such as sections.warn.wire.records
	JSON string // its value
}

// Cases are the recorded trials of this package, by name.
func Cases() ([]*Case, error) {
	names, err := fs.Glob(files, "testdata/*.txt")
	if err != nil {
		return nil, fmt.Errorf("list recorded trials: %w", err)
	}
	var all []*Case
	for _, name := range names {
		b, err := files.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read recorded trial: %w", err)
		}
		c, err := Parse(strings.TrimSuffix(path.Base(name), ".txt"), b)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

// Check compares a grade with what the case expects and lists the differences.
func (c *Case) Check(g *grade.Grade) (wrong []string, err error) {
	b, err := json.Marshal(g)
	if err != nil {
		return nil, fmt.Errorf("check %s: %w", c.Name, err)
	}
	var tree any
	if err := json.Unmarshal(b, &tree); err != nil {
		return nil, fmt.Errorf("check %s: %w", c.Name, err)
	}
	for _, e := range c.Expect {
		got, err := json.Marshal(lookup(tree, strings.Split(e.Path, ".")))
		if err != nil {
			return nil, fmt.Errorf("check %s: %w", c.Name, err)
		}
		if string(got) != e.JSON {
			wrong = append(wrong, fmt.Sprintf("%s is %s, expected %s", e.Path, got, e.JSON))
		}
	}
	return wrong, nil
}

func lookup(v any, keys []string) any {
	for _, k := range keys {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[k]
	}
	return v
}

// Parse reads a recorded trial.
func Parse(name string, b []byte) (*Case, error) {
	c := &Case{Name: name}
	p := &parser{c: c, frame: wire.Frame{Baud: 115200, Bits: 10}, clock: wire.Virtual}
	c.Input.WireFinished = true
	section := "header"
	for i, line := range bytes.Split(b, []byte("\n")) {
		if s := string(line); strings.HasPrefix(s, "-- ") && strings.HasSuffix(s, " --") {
			section = strings.Trim(s, "- ")
			if section == "ring" {
				c.Input.Ring = &ring.Log{}
			}
			continue
		}
		var err error
		switch section {
		case "header":
			err = p.header(string(line), i)
		case "ring":
			err = p.record(line)
		case "wire":
			err = p.wire(line)
		default:
			err = fmt.Errorf("unknown part %q", section)
		}
		if err != nil {
			return nil, fmt.Errorf("recorded trial %s, line %d: %w", name, i+1, err)
		}
	}
	return c, p.finish()
}

type parser struct {
	c       *Case
	clock   wire.Clock
	frame   wire.Frame
	data    []byte
	ends    []int64
	base, k int64 // time of the last @, bytes since
	marks   []wire.Mark
}

func (p *parser) header(line string, i int) error {
	if line == "" {
		return nil
	}
	if rest, ok := strings.CutPrefix(line, "#"); ok {
		if i == 0 {
			p.c.Title = strings.TrimSpace(rest)
		}
		return nil
	}
	key, value, ok := strings.Cut(line, ": ")
	if !ok {
		return fmt.Errorf("%q is not KEY: VALUE", line)
	}
	in := &p.c.Input
	f := strings.Fields(value)
	var err error
	switch key {
	case "run":
		in.RunID = value
	case "loglevel":
		in.Loglevel, err = strconv.Atoi(value)
	case "clock":
		p.clock = wire.Clock(value)
	case "finished":
		in.WireFinished, err = strconv.ParseBool(value)
	case "void":
		in.Void = append(in.Void, value)
	case "event": // name arg ns wire-byte
		var n []int64
		if n, err = numbers(f, 1, 3); err == nil {
			code := codeOf(f[0])
			if code == 0 {
				return fmt.Errorf("unknown event %q", f[0])
			}
			in.Events = append(in.Events, grade.Event{Code: code, Arg: uint32(n[0]), NS: n[1], WireByte: n[2]})
		}
	case "inject": // ns wire-byte
		var n []int64
		if n, err = numbers(f, 0, 2); err == nil {
			in.Inject = &grade.Point{NS: n[0], WireByte: n[1]}
		}
	case "reference": // section records bytes
		var n []int64
		if n, err = numbers(f, 1, 2); err == nil {
			if in.Reference == nil {
				in.Reference = map[string]grade.Count{}
			}
			in.Reference[f[0]] = grade.Count{Records: int(n[0]), Bytes: n[1]}
		}
	case "mark": // kind offset count
		var n []int64
		if n, err = numbers(f, 0, 3); err == nil {
			p.marks = append(p.marks, wire.Mark{Kind: wire.MarkKind(n[0]), Off: n[1], Count: uint64(n[2])})
		}
	case "expect":
		at, want, ok := strings.Cut(value, " = ")
		if !ok || !json.Valid([]byte(want)) {
			return fmt.Errorf("%q is not PATH = JSON", value)
		}
		p.c.Expect = append(p.c.Expect, Expectation{at, want})
	default:
		return fmt.Errorf("unknown key %q", key)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return nil
}

func numbers(f []string, skip, n int) ([]int64, error) {
	if len(f) != skip+n {
		return nil, fmt.Errorf("%d words, want %d", len(f), skip+n)
	}
	out := make([]int64, n)
	for i := range out {
		var err error
		if out[i], err = strconv.ParseInt(f[skip+i], 10, 64); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func codeOf(name string) plan.Code {
	for c := plan.Armed; c <= plan.Mark; c++ {
		if c.String() == name {
			return c
		}
	}
	return 0
}

var states = []ring.State{ring.Reserved, ring.Committed, ring.Finalized, ring.Reusable, ring.Miss}
var datas = []ring.Data{ring.DataText, ring.DataEmpty, ring.DataFailed, ring.DataLost, ring.DataNone}

func (p *parser) record(line []byte) error {
	if len(line) == 0 {
		return nil
	}
	f := strings.SplitN(string(line), " ", 6)
	if len(f) < 5 {
		return fmt.Errorf("a record of %d words", len(f))
	}
	r := ring.Record{Flags: ring.FlagNewline}
	seq, err1 := strconv.ParseUint(f[0], 10, 64)
	ts, err2 := strconv.ParseUint(f[1], 10, 64)
	level, err3 := strconv.ParseUint(f[2], 10, 8)
	for _, err := range []error{err1, err2, err3} {
		if err != nil {
			return err
		}
	}
	r.Seq, r.TsNsec, r.Level = seq, ts, uint8(level)
	caller, err := strconv.ParseUint(strings.TrimLeft(f[3], "TC"), 10, 31)
	if err != nil {
		return fmt.Errorf("caller: %w", err)
	}
	r.Caller = uint32(caller)
	if f[3][0] == 'C' {
		r.Caller |= 1 << 31
	}
	state, data, _ := strings.Cut(f[4], ",")
	ok := false
	for _, s := range states {
		if s.String() == state {
			r.State, ok = s, true
		}
	}
	for _, d := range datas {
		if d.String() == data {
			r.Data = d
		}
	}
	if !ok {
		return fmt.Errorf("unknown state %q", state)
	}
	if len(f) == 6 {
		if r.Text, err = wire.ParseVisible([]byte(f[5])); err != nil {
			return err
		}
		r.TextLen = len(r.Text)
	}
	l := p.c.Input.Ring
	l.Records = append(l.Records, r)
	l.NextSeq = seq + 1
	return nil
}

func (p *parser) wire(line []byte) error {
	if len(line) == 0 {
		return nil
	}
	if line[0] == '@' {
		ns, err := strconv.ParseInt(string(line[1:]), 10, 64)
		p.base, p.k = ns, 0
		return err
	}
	b, err := wire.ParseVisible(line)
	if err != nil {
		return err
	}
	for range b {
		p.ends = append(p.ends, p.base+p.k*int64(p.frame.Bits)*1e9/int64(p.frame.Baud))
		p.k++
	}
	p.data = append(p.data, b...)
	return nil
}

func (p *parser) finish() error {
	l := wire.NewLog(p.clock, p.frame)
	at := int64(0)
	put := func(to int64) error {
		if to > int64(len(p.data)) || to < at {
			return fmt.Errorf("recorded trial %s: a mark at %d", p.c.Name, to)
		}
		var err error
		if p.clock == wire.NoClock {
			err = l.Append(p.data[at:to])
		} else {
			err = l.Append(p.data[at:to], p.ends[at:to]...)
		}
		at = to
		return err
	}
	for _, m := range p.marks {
		if err := put(m.Off); err != nil {
			return err
		}
		ns := int64(0)
		if m.Off > 0 {
			ns, _ = l.TimeAt(m.Off - 1)
		}
		if _, err := l.AddMark(m.Kind, ns, m.Count); err != nil {
			return err
		}
	}
	if err := put(int64(len(p.data))); err != nil {
		return fmt.Errorf("recorded trial %s: %w", p.c.Name, err)
	}
	l.Close(nil)
	p.c.Input.Wire = l
	if r := p.c.Input.Ring; r != nil {
		for i := range r.Records {
			if r.Records[i].State == ring.Reusable {
				r.Overwritten++
			}
		}
		if len(r.Records) > 0 {
			r.Overwritten += r.Records[0].Seq
		}
	}
	return nil
}
