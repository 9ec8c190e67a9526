// SPDX-License-Identifier: Apache-2.0

package plot

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// sweeps is a picture of three strategies, the last of which was stopped.
func sweeps() *Picture {
	const span = 58000
	p := &Picture{Title: "What is left of a WARN that an NMI interrupts", Notes: []string{"Linux <7.3.4> & patches, qemu, 2 CPUs, 115200 baud"},
		Unfinished: "deferred has 400 of 1000 points", X: "NMI after so many bytes of wire from the provocation", Y: "% of the WARN's records", Span: span}
	for g, s := range []struct {
		name    string
		edge    float64
		reached int
	}{{"inline", 56217, 1000}, {"explicit", 13, 1000}, {"deferred", 9, 400}} {
		stored, wire := Series{Name: s.name + ": stored, whole from byte " + label(s.edge), Group: g}, Series{Name: s.name + ": on the wire", Group: g, Dashed: true}
		for i := range s.reached {
			x := float64(i * span / 1000)
			share := 10.0
			if x >= s.edge {
				share = 100
			}
			stored.Points = append(stored.Points, Point{x, share})
			wire.Points = append(wire.Points, Point{x, max(0, min(share, (x-40000)/180))})
			if i == 0 && s.edge < 58 {
				for _, near := range []float64{s.edge - 1, s.edge} {
					share := 10.0
					if near >= s.edge {
						share = 100
					}
					stored.Points = append(stored.Points, Point{near, share})
				}
			}
		}
		p.Series = append(p.Series, stored, wire)
	}
	return p
}

// texts are the texts of an SVG, and its font families.
func texts(t *testing.T, svg []byte) (all, families []string) {
	t.Helper()
	in := false
	for dec := xml.NewDecoder(bytes.NewReader(svg)); ; {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return all, families
		}
		if err != nil {
			t.Fatalf("not XML: %v", err)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			in = tok.Name.Local == "text"
			for _, a := range tok.Attr {
				for _, decl := range strings.Split(a.Value, ";") {
					if f, ok := strings.CutPrefix(decl, "font-family:"); ok && in && !slices.Contains(families, f) {
						families = append(families, f)
					}
				}
			}
		case xml.CharData:
			if in {
				all = append(all, string(tok))
			}
		case xml.EndElement:
			in = false
		}
	}
}

func TestSVG(t *testing.T) {
	p := sweeps()
	var b bytes.Buffer
	if err := p.SVG(&b); err != nil {
		t.Fatal(err)
	}
	all, families := texts(t, b.Bytes())
	for _, want := range []string{p.Title, p.Notes[0], "UNFINISHED: " + p.Unfinished, p.Series[0].Name, p.Series[5].Name, "10,000", "even axis", "logarithmic axis"} {
		if !slices.Contains(all, want) {
			t.Errorf("the SVG does not say %q; it says %q", want, all)
		}
	}
	if len(families) == 0 {
		t.Error("no font family")
	}
	for _, f := range families {
		if !strings.HasSuffix(f, ",sans-serif") {
			t.Errorf("font family %q does not end with a generic one", f)
		}
	}
	p.Unfinished = ""
	b.Reset()
	if err := p.SVG(&b); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "UNFINISHED") {
		t.Error("a finished picture says UNFINISHED")
	}
}

// With LASTPAGE_PICTURES=DIR the pictures stay there, to be looked at.
func TestPNG(t *testing.T) {
	p := sweeps()
	var b, s bytes.Buffer
	if err := errors.Join(p.PNG(&b), p.SVG(&s)); err != nil {
		t.Fatal(err)
	}
	if dir := os.Getenv("LASTPAGE_PICTURES"); dir != "" {
		if err := errors.Join(os.WriteFile(filepath.Join(dir, "sweeps.png"), b.Bytes(), 0o644), os.WriteFile(filepath.Join(dir, "sweeps.svg"), s.Bytes(), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	img, err := png.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	for g := range 3 {
		if n := count(img, g); n < 100 {
			t.Errorf("group %d: %d pixels of its colour", g, n)
		}
	}
}

func count(img image.Image, group int) int {
	want, n := colour(group), 0
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			r, g, b, _ := img.At(x, y).RGBA()
			if uint8(r>>8) == want.R && uint8(g>>8) == want.G && uint8(b>>8) == want.B {
				n++
			}
		}
	}
	return n
}

func TestNoSpan(t *testing.T) {
	if err := (&Picture{Title: "empty"}).SVG(io.Discard); err == nil {
		t.Error("an axis without length was drawn")
	}
}

func identity(x float64) int { return int(x) }

func TestStepsHoldTheirValue(t *testing.T) {
	got := steps([]Point{{0, 10}, {5, 10}, {10, 10}, {20, 90}, {30, 40}, {40, 40}}, identity, identity)
	want := [][2]int{{0, 10}, {20, 10}, {20, 90}, {30, 90}, {30, 40}, {40, 40}}
	if !slices.Equal(got, want) {
		t.Errorf("corners %v, want %v", got, want)
	}
	if got := steps(nil, identity, identity); len(got) != 0 {
		t.Errorf("no points: %v", got)
	}
}

// A measurement that is unlike one of its neighbours is always marked.
func TestMarks(t *testing.T) {
	var points []Point
	for x := range 20 {
		points = append(points, Point{float64(x), 10})
	}
	points[13].Y = 90
	got := marks(points, identity, identity)
	want := [][2]int{{0, 10}, {6, 10}, {12, 10}, {13, 90}, {14, 10}, {19, 10}}
	if !slices.Equal(got, want) {
		t.Errorf("marks %v, want %v", got, want)
	}
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		a    axis
		want []float64
	}{
		{even{58000}, []float64{0, 10000, 20000, 30000, 40000, 50000}},
		{even{9}, []float64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}},
		{even{1}, nil},
		{logarithmic{58000}, []float64{0, 1, 10, 100, 1000, 10000}},
	} {
		got, _ := c.a.ticks()
		if c.want != nil && !slices.Equal(got, c.want) {
			t.Errorf("%v: ticks %v, want %v", c.a, got, c.want)
		}
		if len(got) < 2 || len(got) > 11 {
			t.Errorf("%v: %d ticks", c.a, len(got))
		}
		if a := c.a.at(0); a != 0 {
			t.Errorf("%v: 0 is at %g", c.a, a)
		}
		if a := c.a.at(got[len(got)-1]); a > 1 {
			t.Errorf("%v: the last tick is at %g", c.a, a)
		}
	}
	for x, want := range map[float64]string{0: "0", 0.5: "0.5", 999: "999", 56217: "56,217", 1234567: "1,234,567", -1000: "-1,000"} {
		if got := label(x); got != want {
			t.Errorf("label(%g) is %q, want %q", x, got, want)
		}
	}
}
