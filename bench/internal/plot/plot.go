// Package plot draws small charts as SVG that reads on light and dark pages.
//
// The functions are pure and safe for concurrent use.
package plot

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// Series is one line of a chart, or one group of bars.
type Series struct {
	Name   string
	X, Y   []float64
	Dashed bool
	Color  int // index of a colour; series of one peer share it
}

// Chart is a chart of lines.
type Chart struct {
	Title, XLabel, YLabel string
	LogX, LogY            bool
	Series                []Series
}

const (
	width, height            = 720, 400
	left, right, top, bottom = 70, 160, 40, 50
)

var colors = []string{"#0b7285", "#e8590c", "#7048e8", "#2b8a3e", "#c2255c"}

func color(i int) string { return colors[i%len(colors)] }

// canvas collects elements.
type canvas struct{ strings.Builder }

func (c *canvas) begin(title string) {
	fmt.Fprintf(c, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12" fill="#868e96">`+"\n", width, height)
	c.text(left, 20, "start", title)
}

func (c *canvas) end() string {
	c.WriteString("</svg>\n")
	return c.String()
}

func (c *canvas) text(x, y float64, anchor, s string) {
	fmt.Fprintf(c, `<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>`+"\n", x, y, anchor, html.EscapeString(s))
}

func (c *canvas) line(x1, y1, x2, y2 float64, stroke string) {
	fmt.Fprintf(c, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s"/>`+"\n", x1, y1, x2, y2, stroke)
}

// axis maps values to places between from and to.
type axis struct {
	low, high float64
	log       bool
	from, to  float64
}

func (a axis) at(v float64) float64 {
	low, high := a.low, a.high
	if a.log {
		v, low, high = math.Log10(v), math.Log10(low), math.Log10(high)
	}
	return a.from + (v-low)/(high-low)*(a.to-a.from)
}

// newAxis spans all values; a linear one begins at 0, a logarithmic one covers whole decades.
func newAxis(values []float64, log bool, from, to float64) axis {
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		low, high = min(low, v), max(high, v)
	}
	if !log {
		return axis{0, max(high, 1e-9) * 1.05, false, from, to}
	}
	low, high = math.Pow(10, math.Floor(math.Log10(low))), math.Pow(10, math.Ceil(math.Log10(high)))
	if low == high {
		high *= 10
	}
	return axis{low, high, true, from, to}
}

// ticks gives round values along the axis.
func (a axis) ticks() []float64 {
	var all []float64
	if a.log {
		for v := a.low; v <= a.high*1.001; v *= 10 {
			all = append(all, v)
		}
		return all
	}
	step := math.Pow(10, math.Floor(math.Log10(a.high/4)))
	for _, m := range []float64{1, 2, 5, 10} {
		if a.high/(step*m) <= 6 {
			step *= m
			break
		}
	}
	for v := 0.0; v <= a.high; v += step {
		all = append(all, v)
	}
	return all
}

// number writes a tick.
func number(v float64) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%g M", v/1e6)
	case v >= 1e4:
		return fmt.Sprintf("%g k", v/1e3)
	}
	return fmt.Sprintf("%.4g", v)
}

// SVG draws the chart.
func (ch Chart) SVG() string {
	var xs, ys []float64
	for _, s := range ch.Series {
		xs, ys = append(xs, s.X...), append(ys, s.Y...)
	}
	x := newAxis(xs, ch.LogX, left, width-right)
	y := newAxis(ys, ch.LogY, height-bottom, top)
	c := &canvas{}
	c.begin(ch.Title)
	c.grid(x, y, ch.XLabel, ch.YLabel)
	for i, s := range ch.Series {
		c.series(s, x, y)
		c.legend(i, s)
	}
	return c.end()
}

func (c *canvas) grid(x, y axis, xLabel, yLabel string) {
	for _, v := range y.ticks() {
		c.line(left, y.at(v), width-right, y.at(v), "#86868640")
		c.text(left-6, y.at(v)+4, "end", number(v))
	}
	for _, v := range x.ticks() {
		c.text(x.at(v), height-bottom+18, "middle", number(v))
	}
	c.line(left, height-bottom, width-right, height-bottom, "#868e96")
	c.text((left+width-right)/2, height-10, "middle", xLabel)
	c.text(left, top-6, "end", yLabel)
}

func (c *canvas) series(s Series, x, y axis) {
	var points []string
	for i := range min(len(s.X), len(s.Y)) {
		points = append(points, fmt.Sprintf("%.1f,%.1f", x.at(s.X[i]), y.at(s.Y[i])))
	}
	fmt.Fprintf(c, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"%s/>`+"\n", strings.Join(points, " "), color(s.Color), dash(s))
	for _, p := range points {
		px, py, _ := strings.Cut(p, ",")
		fmt.Fprintf(c, `<circle cx="%s" cy="%s" r="3" fill="%s"/>`+"\n", px, py, color(s.Color))
	}
}

func dash(s Series) string {
	if s.Dashed {
		return ` stroke-dasharray="5 4"`
	}
	return ""
}

func (c *canvas) legend(i int, s Series) {
	y := float64(top + 10 + 18*i)
	fmt.Fprintf(c, `<line x1="%d" y1="%.1f" x2="%d" y2="%.1f" stroke="%s" stroke-width="2"%s/>`+"\n", width-right+12, y-4, width-right+36, y-4, color(s.Color), dash(s))
	c.text(width-right+42, y, "start", s.Name)
}

// Bars is a chart of groups of bars with their intervals.
type Bars struct {
	Title, YLabel string
	Groups        []string
	Bars          []Bar
}

// Bar is one peer's values, one for each group. Low and High bound them.
type Bar struct {
	Name           string
	Mid, Low, High []float64
}

// SVG draws the chart.
func (b Bars) SVG() string {
	var values []float64
	for _, bar := range b.Bars {
		values = append(values, bar.High...)
	}
	y := newAxis(values, false, height-bottom, top)
	c := &canvas{}
	c.begin(b.Title)
	c.grid(axis{0, 1, false, left, width - right}.none(), y, "", b.YLabel)
	group := float64(width-left-right) / float64(len(b.Groups))
	for g, name := range b.Groups {
		at := left + group*float64(g)
		c.text(at+group/2, height-bottom+18, "middle", name)
		b.group(c, g, at, group, y)
	}
	for i, bar := range b.Bars {
		c.legend(i, Series{Name: bar.Name, Color: i})
	}
	return c.end()
}

// none is an axis without ticks.
func (a axis) none() axis {
	a.high = math.NaN()
	return a
}

func (b Bars) group(c *canvas, g int, at, group float64, y axis) {
	wide := group / (float64(len(b.Bars)) + 1)
	for i, bar := range b.Bars {
		if g >= len(bar.Mid) || math.IsNaN(bar.Mid[g]) {
			continue
		}
		x, place := at+wide*(float64(i)+0.5), y.at(bar.Mid[g])
		fmt.Fprintf(c, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`+"\n", x, place, wide*0.85, y.at(0)-place, color(i))
		c.line(x+wide*0.425, y.at(bar.Low[g]), x+wide*0.425, y.at(bar.High[g]), "#868e96")
		c.text(x+wide*0.425, place-6, "middle", fmt.Sprintf("%.2f", bar.Mid[g]))
	}
}
