package metrics

import (
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// family is a metric with all its series; names and texts stand in docs/metrics.md, too.
type family struct {
	name, help string
	before     []string // what stands before the value of each label, in the order of the labels' names
	places     []int    // in the same order: the label's place among the arguments
}

// desc describes a metric. Its series have the labels in this order.
func desc(name, help string, labels ...string) *family {
	f := &family{name: "meridian_" + name, help: help, before: slices.Sorted(slices.Values(labels))}
	for i, label := range f.before {
		f.places = append(f.places, slices.Index(labels, label))
		f.before[i] = `",` + label + `="`
		if i == 0 {
			f.before[i] = `{` + label + `="`
		}
	}
	return f
}

// labels appends the labels of a series, but for the brace at the end.
func (f *family) labels(to []byte, values []string) []byte {
	for i, place := range f.places {
		to = escaped(append(to, f.before[i]...), values[place])
	}
	if len(f.places) > 0 {
		to = append(to, '"')
	}
	return to
}

// escaped appends a label's value as the text form has it.
func escaped(to []byte, value string) []byte {
	value = strings.ToValidUTF8(value, "?")
	for {
		i := strings.IndexAny(value, "\\\"\n")
		if i < 0 {
			return append(to, value...)
		}
		to = append(append(to, value[:i]...), '\\')
		if value[i] == '\n' {
			to = append(to, 'n')
		} else {
			to = append(to, value[i])
		}
		value = value[i+1:]
	}
}

// piece is how much of a page is written at a time.
const piece = 32 << 10

// page is a scrape on its way. With ten thousand targets that is megabytes, which probes and queries would notice if a
// value were made of each series first, as the library does: it is written in pieces and leaves no garbage. All series
// of a family have to come one after the other.
type page struct {
	out  io.Writer
	err  error   // the first of out
	text []byte  // not yet written
	last *family // of the last series
}

// begin makes room for a series, and heads its family if it is the first.
func (p *page) begin(f *family, kind string) {
	if len(p.text) > piece {
		p.flush()
	}
	if p.last != f {
		p.last = f
		p.text = append(p.text, "# HELP "+f.name+" "+f.help+"\n# TYPE "+f.name+" "+kind+"\n"...)
	}
}

// Write takes text that is not of our families.
func (p *page) Write(text []byte) (int, error) {
	p.last, p.text = nil, append(p.text, text...)
	if len(p.text) > piece {
		p.flush()
	}
	return len(text), p.err
}

// flush writes what is there.
func (p *page) flush() {
	if p.err == nil {
		_, p.err = p.out.Write(p.text)
	}
	p.text = p.text[:0]
}

func (p *page) counter(f *family, value float64, labels ...string) {
	p.begin(f, "counter")
	p.series(f, "", value, labels)
}

func (p *page) gauge(f *family, value float64, labels ...string) {
	p.begin(f, "gauge")
	p.series(f, "", value, labels)
}

// told is gauge with labels that family.labels has written.
func (p *page) told(f *family, value float64, labels string) {
	p.begin(f, "gauge")
	p.text = append(append(append(p.text, f.name...), labels...), "} "...)
	p.number(value)
}

// histogram tells of counts by class. Above the bound of the last one nothing is counted.
func (p *page) histogram(f *family, counts []uint64, bound func(i int) float64, sum float64, labels ...string) {
	p.begin(f, "histogram")
	total := uint64(0)
	for i, n := range counts {
		total += n
		p.bucket(f, bound(i), total, labels)
	}
	if last := len(counts) - 1; last < 0 || !math.IsInf(bound(last), 1) {
		p.bucket(f, math.Inf(1), total, labels)
	}
	p.series(f, "_sum", sum, labels)
	p.series(f, "_count", float64(total), labels)
}

// bucket says how many were at most so large.
func (p *page) bucket(f *family, bound float64, total uint64, labels []string) {
	p.text = f.labels(append(append(p.text, f.name...), "_bucket"...), labels)
	before := `,le="`
	if len(labels) == 0 {
		before = `{le="`
	}
	p.text = append(amount(append(p.text, before...), bound), `"} `...)
	p.number(float64(total))
}

func (p *page) series(f *family, suffix string, value float64, labels []string) {
	p.text = f.labels(append(append(p.text, f.name...), suffix...), labels)
	if len(labels) > 0 {
		p.text = append(p.text, '}')
	}
	p.text = append(p.text, ' ')
	p.number(value)
}

// number ends a series.
func (p *page) number(value float64) { p.text = append(amount(p.text, value), '\n') }

// amount appends a number: whole ones without an exponent as long as they are exact.
func amount(to []byte, v float64) []byte {
	const exact = 1 << 53
	switch whole := int64(v); {
	case -exact < v && v < exact && float64(whole) == v:
		return strconv.AppendInt(to, whole, 10)
	case math.IsInf(v, 1):
		return append(to, "+Inf"...)
	}
	return strconv.AppendFloat(to, v, 'g', -1, 64)
}
