// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"strings"
	"testing"

	"lastpage/harness/grade"
)

func TestCases(t *testing.T) {
	all, err := Cases()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		t.Run(c.Name, func(t *testing.T) {
			if c.Title == "" || len(c.Expect) < 3 {
				t.Errorf("title %q and %d expectations", c.Title, len(c.Expect))
			}
			g := grade.Make(c.Input)
			wrong, err := c.Check(g)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range wrong {
				t.Error(w)
			}
			if t.Failed() {
				var b strings.Builder
				if err := grade.WriteText(&b, g); err != nil {
					t.Error(err)
				}
				t.Log("\n" + b.String())
			}
		})
	}
}

// A wrong expectation is seen.
func TestCheckSees(t *testing.T) {
	c, err := Parse("x", []byte("# x\nexpect: letter = \"A\"\nexpect: no.such.path = 1\nexpect: void = []\n-- wire --\nhello\\r\\n\n"))
	if err != nil {
		t.Fatal(err)
	}
	wrong, err := c.Check(grade.Make(c.Input))
	if err != nil || len(wrong) != 2 {
		t.Errorf("%q, %v", wrong, err)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, s := range []string{
		"no colon", "colour: red", "expect: letter", "expect: letter = A", "event: lunch 1 2 3", "event: armed 1 2", "inject: 1", "loglevel: x",
		"-- lunch --\nx", "-- ring --\n1 2 3", "-- ring --\nx 2 3 T1 finalized a", "-- ring --\n1 2 3 Tx finalized a",
		"-- ring --\n1 2 3 T1 lost a", "-- wire --\n\\q", "-- wire --\n@x", "mark: 1 99 0\n-- wire --\na", "-- wire --\n@5\na\n@4\nb",
	} {
		if _, err := Parse("x", []byte(s)); err == nil || !strings.Contains(err.Error(), "recorded trial x") {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	all, err := Cases()
	if err != nil {
		f.Fatal(err)
	}
	for _, c := range all {
		b, err := files.ReadFile("testdata/" + c.Name + ".txt")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<16 {
			return
		}
		c, err := Parse("fuzz", b)
		if err != nil {
			return
		}
		g := grade.Make(c.Input)
		if _, err := c.Check(g); err != nil {
			t.Fatal(err)
		}
		for name, s := range g.Sections {
			f := s.Fates
			if f.Intact+f.Replayed+f.Torn+f.Garbled+f.Missing+f.Suppressed+f.Unprintable+f.Seen != f.Stored+f.Reserved+f.Overwritten+f.Failed+f.NotRead {
				t.Fatalf("%s: %+v does not add up", name, f)
			}
			if s.Wire.Records < 0 || s.Wire.Bytes < 0 || s.Lost != nil && *s.Lost < 0 {
				t.Fatalf("%s: %+v", name, s)
			}
			if s.Letter == "A" && (s.Expected == nil || s.Wire.Records < s.Expected.Records) {
				t.Fatalf("%s has an A: %+v", name, s)
			}
		}
		if len(g.Void) > 0 && g.Letter != "" {
			t.Fatal("a void trial has a letter")
		}
		var text strings.Builder
		if err := grade.WriteText(&text, g); err != nil {
			t.Fatal(err)
		}
	})
}
