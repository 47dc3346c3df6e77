package plot

import (
	"encoding/xml"
	"io"
	"math"
	"strings"
	"testing"
)

// elements counts the elements of an SVG and fails if it is not well-formed or holds numbers that are none.
func elements(t *testing.T, svg string) map[string]int {
	t.Helper()
	if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
		t.Errorf("a place is no number: %s", svg)
	}
	n := map[string]int{}
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		token, err := d.Token()
		if err == io.EOF {
			return n
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok {
			n[e.Name.Local]++
		}
	}
}

func TestChart(t *testing.T) {
	c := Chart{Title: "a < b", LogX: true, LogY: true, Series: []Series{
		{Name: "one", X: []float64{10, 100, 1000}, Y: []float64{5, 50, 400}},
		{Name: "two & three", X: []float64{10, 1000}, Y: []float64{1, 2}, Dashed: true},
	}}
	if n := elements(t, c.SVG()); n["polyline"] != 2 || n["circle"] != 5 {
		t.Errorf("%v", n)
	}
	c.LogX, c.LogY = false, false
	elements(t, c.SVG())
}

func TestBars(t *testing.T) {
	one := []float64{1, 2}
	b := Bars{Groups: []string{"g", "h"}, Bars: []Bar{{"a", one, one, one}, {"b", []float64{3, math.NaN()}, []float64{2, 0}, []float64{4, 0}}}}
	if n := elements(t, b.SVG()); n["rect"] != 3 {
		t.Errorf("%v", n)
	}
}

func TestAxis(t *testing.T) {
	a := newAxis([]float64{3, 700}, true, 0, 100)
	if a.low != 1 || a.high != 1000 || math.Abs(a.at(10)-100.0/3) > 1e-9 {
		t.Errorf("%+v, 10 lies at %v", a, a.at(10))
	}
	l := newAxis([]float64{40, 100}, false, 0, 100)
	if l.low != 0 || l.at(0) != 0 || len(l.ticks()) < 4 || len(l.ticks()) > 8 {
		t.Errorf("%+v, ticks %v", l, l.ticks())
	}
}
