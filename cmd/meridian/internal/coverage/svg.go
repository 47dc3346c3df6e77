package coverage

import (
	"fmt"
	"strings"
)

// Options say how a map is drawn.
type Options struct {
	Bare   bool // without its own style: a page brings the rules of CSS along
	Legend bool
}

// SVG draws the map.
func (m *Map) SVG(o Options) []byte {
	d := &drawing{Map: m}
	high := int(height())
	var legend string
	if o.Legend {
		legend, high = d.legend(high)
	}
	title := "Whom pool " + m.pool.Name + " serves from where"
	d.put(`<svg xmlns="http://www.w3.org/2000/svg" class="coverage" viewBox="0 0 %d %d" role="img" aria-label="%s">`+"\n",
		width, high, clean(title))
	d.put("<title>%s</title>\n<desc>%s</desc>\n", clean(title), clean(m.describe()))
	if !o.Bare {
		d.put("<style>\n%s</style>\n", CSS())
		d.put(`<rect class="paper" width="%d" height="%d"/>`+"\n", width, high)
		d.put(`<text class="heading" x="60" y="120">%s</text>`+"\n", clean("Pool "+m.pool.Name))
	}
	d.put(`<path class="sea" d="%s"/>`+"\n"+`<path class="grid" d="%s"/>`+"\n", sphere(), graticule())
	d.areas()
	if a, err := world(); err == nil { // a map was taken with it
		d.put(`<path class="border" d="%s"/>`+"\n", a.border)
	}
	d.rings()
	d.marks()
	d.WriteString(legend)
	d.WriteString("</svg>\n")
	return []byte(d.String())
}

type drawing struct {
	*Map
	strings.Builder
}

func (d *drawing) put(format string, args ...any) { fmt.Fprintf(d, format, args...) }

// clean makes a text inert: names come from files. What XML 1.0 cannot hold becomes a question mark.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0xfffe || r == 0xffff || r == 0xfffd {
			return '?'
		}
		return r
	}, s)
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;").Replace(s)
}

// describe is the map for those who cannot see it.
func (m *Map) describe() string {
	var words []string
	for i := range m.sites {
		words = append(words, m.sites[i].name+" "+m.share(i))
	}
	return strings.Join(words, "; ")
}

// share says how much of the world a site serves, or why none.
func (m *Map) share(i int) string {
	s, weight := &m.sites[i], 0.0
	for _, server := range s.servers {
		weight += m.sums[server].weight
	}
	text := fmt.Sprintf("%.0f %% of the land", 100*weight/m.area)
	if weight > 0 && weight < m.area/200 {
		text = "under 1 % of the land"
	}
	if s.state != "up" {
		text = s.state + ", " + text
	}
	return text
}

// areas draws the land, a group for each site, so that a renderer merges what touches.
func (d *drawing) areas() {
	for who := -1; who < len(d.sites); who++ {
		class := "land"
		if who >= 0 {
			class = fmt.Sprintf("area s%d", d.sites[who].ink)
		}
		open := false
		for i := range d.lands {
			l := &d.lands[i]
			for _, p := range l.parts {
				outline := l.path
				if p.path != "" {
					outline = p.path
				}
				if p.who != who || outline == "" {
					continue
				}
				if !open {
					d.put(`<g class="%s">`+"\n", class)
					open = true
				}
				d.put(`<path d="%s"><title>%s</title></path>`+"\n", outline, clean(d.about(l)))
			}
		}
		if open {
			d.WriteString("</g>\n")
		}
	}
}

// rings draws a ring around what is too small to be seen.
func (d *drawing) rings() {
	for i := range d.lands {
		l := &d.lands[i]
		if !l.small || len(l.parts) == 0 {
			continue
		}
		class := "ring"
		if who := l.parts[0].who; who >= 0 {
			class = fmt.Sprintf("ring s%d", d.sites[who].ink)
		}
		at := unitOf(float64(l.place.Lat), eastward(float64(l.place.Lon)))
		d.put(`<circle class="%s" cx="%d" cy="%d" r="%d"><title>%s</title></circle>`+"\n",
			class, at.x, at.y, 13, clean(d.about(l)))
	}
}

// marks draws the sites and writes their names where there is room.
func (d *drawing) marks() {
	var spots []spot
	for i := range d.sites {
		if s := &d.sites[i]; s.located {
			spots = append(spots, spot{site: i, at: unitOf(s.at.Lat, eastward(s.at.Lon))})
		}
	}
	wide := lettering{"wide", 58, 30}
	labels := wide.place(d.Map, spots)
	for _, l := range labels {
		if l.led {
			d.put(`<path class="leader wide" d="%s"/>`+"\n", wide.leader(l))
		}
	}
	for _, s := range spots {
		it := &d.sites[s.site]
		d.put(`<g class="mark %s s%d" transform="translate(%d %d)"><title>%s</title><path d="%s"/></g>`+"\n",
			it.state, it.ink, s.at.x, s.at.y, clean(it.label()+": "+d.share(s.site)), shape(it.state))
	}
	d.write(wide, labels)
	for _, t := range []lettering{{"medium", 95, 44}, {"narrow", 150, 70}} {
		d.write(t, t.place(d.Map, spots))
	}
}

func (d *drawing) write(t lettering, labels []label) {
	for _, l := range labels {
		d.put(`<text class="label %s" x="%d" y="%d">%s</text>`+"\n", t.class+l.anchor, l.x, l.y, clean(l.text))
	}
}

// shape is the outline of a mark around the origin: a disc, a cross, or a diamond with a hole.
func shape(state string) string {
	switch state {
	case "up":
		return "m-24 0a24 24 0 1 0 48 0a24 24 0 1 0-48 0z"
	case "drained":
		return "m0-34l34 34l-34 34l-34-34zm0 20l-14 14l14 14l14-14z"
	}
	return "m-30-18l12-12l18 18l18-18l12 12l-18 18l18 18l-12 12l-18-18l-18 18l-12-12l18-18z"
}

// legend names the sites and what is not drawn, below the map, and says how high all is then.
func (d *drawing) legend(top int) (text string, high int) {
	const row, size, left, right = 76, 50, 60, width - 60
	l := &drawing{Map: d.Map}
	widest := 0
	for i := range d.sites {
		widest = max(widest, len([]rune(d.entry(i))))
	}
	columns := min(max(1, (right-left)/(int(float64(widest)*size*letter)+150)), max(1, len(d.sites)))
	rows := (len(d.sites) + columns - 1) / columns
	l.WriteString(`<g class="legend">` + "\n")
	for i := range d.sites {
		x, y := left+i/rows*((right-left)/columns), top+row+i%rows*row
		ink, state := d.sites[i].ink, d.sites[i].state
		l.put(`<path class="area s%d" d="m%d %dh90v60h-90z"/><g class="mark %s s%d" transform="translate(%d %d)"><path d="%s"/></g>`,
			ink, x, y-47, state, ink, x+45, y-17, shape(state))
		l.put(`<text x="%d" y="%d">%s</text>`+"\n", x+120, y, clean(d.entry(i)))
	}
	y := top + row*(rows+1)
	for _, line := range sentence(d.notes, (right-left)*100/(44*56)) {
		l.put(`<text class="note" x="%d" y="%d">%s</text>`+"\n", left, y, clean(line))
		y += row
	}
	l.WriteString("</g>\n")
	return l.String(), y - row/2
}

func (d *drawing) entry(i int) string { return d.sites[i].label() + ": " + d.share(i) }

// sentence makes one of notes, in lines of at most so many letters if the words allow it.
func sentence(notes []string, most int) (lines []string) {
	if len(notes) == 0 {
		return nil
	}
	line := ""
	for _, word := range strings.Fields(strings.Join(notes, "; ") + ".") {
		if line != "" && len([]rune(line+" "+word)) > most {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	lines = append(lines, line)
	lines[0] = strings.ToUpper(lines[0][:1]) + lines[0][1:]
	return lines
}
