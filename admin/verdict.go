package admin

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Levels of a finding, the gravest first.
const (
	Bad  = "bad"  // users may notice
	Warn = "warn" // part of something is not as it should be
	Note = "note" // as somebody wanted it
	Well = "well"
)

// Verdict is how a nameserver stands in a sentence.
type Verdict struct {
	Level    string    `json:"level"` // the gravest of Findings; "well" without any
	Text     string    `json:"text"`  // "2 servers down: fr, nl · 1 drained: ny"
	Findings []Finding `json:"findings"`
}

// Finding is one thing worth saying.
type Finding struct {
	Level string `json:"level"`
	Text  string `json:"text"`
}

// Judge sums a status up, what is gravest for users first.
func Judge(s *Status) Verdict {
	j := judge{}
	j.pools(s)
	j.servers(s)
	j.zones(s)
	j.alarms(s)
	j.orders(s)
	v := Verdict{Level: Well, Text: allWell(s), Findings: []Finding{}}
	for _, level := range []string{Bad, Warn, Note} {
		for _, f := range j {
			if f.Level == level {
				v.Findings = append(v.Findings, f)
			}
		}
	}
	if len(v.Findings) > 0 {
		var words []string
		for _, f := range v.Findings {
			words = append(words, f.Text)
		}
		v.Level, v.Text = v.Findings[0].Level, capital(strings.Join(words, " · "))
	}
	return v
}

// capital begins a sentence, unless that begins with what is no word, such as a path.
func capital(s string) string {
	word, _, _ := strings.Cut(s, " ")
	if word == "" || strings.Trim(word, "abcdefghijklmnopqrstuvwxyz") != "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// judge collects findings.
type judge []Finding

func (j *judge) say(level, format string, args ...any) {
	*j = append(*j, Finding{level, fmt.Sprintf(format, args...)})
}

func (j *judge) pools(s *Status) {
	var down []string
	for _, p := range s.Pools {
		if p.State == "down" {
			down = append(down, p.Name)
		}
	}
	if len(down) > 0 {
		j.say(Bad, "no server up in %s %s", noun(len(down), "pool"), some(down))
	}
}

// servers groups them: a site of several that is down as a whole is named once.
//
//	order        state     said
//	drained      any       by orders, not here
//	forced down  any       by orders, not here
//	none         down      down
//	none         part      partly up
//	none         other     nothing
func (j *judge) servers(s *Status) {
	sites := map[string]*struct{ all, down int }{}
	for i := range s.Servers {
		o := &s.Servers[i]
		if sites[o.Site] == nil {
			sites[o.Site] = &struct{ all, down int }{}
		}
		sites[o.Site].all++
		if o.fails() {
			sites[o.Site].down++
		}
	}
	var whole, down, part []string
	lost := 0
	for i := range s.Servers {
		o := &s.Servers[i]
		site := sites[o.Site]
		switch {
		case o.fails() && site.all > 1 && site.down == site.all:
			lost++
			whole = appendNew(whole, o.Site)
		case o.fails():
			down = append(down, o.Name)
		case o.State == "part" && o.Order == "":
			part = append(part, o.Name)
		}
	}
	if len(whole) == 1 {
		j.say(Bad, "site %s down: all %s", whole[0], count(lost, "server"))
	} else if len(whole) > 1 {
		j.say(Bad, "%d sites down with all %s: %s", len(whole), count(lost, "server"), some(whole))
	}
	if len(down) > 0 {
		j.say(Bad, "%s down: %s", count(len(down), "server"), some(down))
	}
	if len(part) > 0 {
		j.say(Warn, "%s partly up: %s", count(len(part), "server"), some(part))
	}
}

// fails says whether a server is down that nobody took out.
func (s *Server) fails() bool { return s.State == "down" && s.Order == "" }

func (j *judge) zones(s *Status) {
	var failed, stale []string
	for i := range s.Zones {
		z := &s.Zones[i]
		switch name := cmp.Or(strings.TrimSuffix(z.Name, "."), "."); {
		case z.State == "failed":
			failed = append(failed, name)
		case z.Problem != "":
			stale = append(stale, name)
		}
	}
	if len(s.Zones) == 0 {
		j.say(Warn, "no zones: every query is refused")
	}
	if len(failed) > 0 {
		j.say(Bad, "%s %s did not load", noun(len(failed), "zone"), some(failed))
	}
	if len(stale) > 0 {
		j.say(Warn, "%s %s did not load: the version before is served", noun(len(stale), "zone"), some(stale))
	}
}

// alarms leaves out what zones have said themselves.
func (j *judge) alarms(s *Status) {
	said := slices.ContainsFunc(s.Zones, func(z Zone) bool { return z.State == "failed" || z.Problem != "" })
	for _, a := range s.Alarms {
		if a.Key != "zones" || !said {
			text, _, _ := strings.Cut(a.Text, "\n")
			j.say(Warn, "%s", shorten(text, 100))
		}
	}
}

func (j *judge) orders(s *Status) {
	var planned int
	for i := range s.Orders {
		if s.Orders[i].Planned {
			planned++
		}
	}
	by := map[string][]string{}
	var kinds []string
	for i := range s.Servers {
		if o := &s.Servers[i]; o.Order != "" {
			kinds = appendNew(kinds, o.Order)
			by[o.Order] = append(by[o.Order], o.Name)
		}
	}
	for _, k := range kinds {
		j.say(Note, "%d %s: %s", len(by[k]), k, some(by[k]))
	}
	if planned > 0 {
		j.say(Note, "%d planned", planned)
	}
}

// allWell says what there is when nothing is wrong with it.
func allWell(s *Status) string {
	text := "All is well"
	up := 0
	for i := range s.Servers {
		if s.Servers[i].State == "up" {
			up++
		}
	}
	switch {
	case up > 1 && up == len(s.Servers):
		text += fmt.Sprintf(": all %d servers are up", up)
	case up > 0:
		text += ": " + count(up, "server") + " up"
	}
	return text
}

// some names the first of many.
func some(names []string) string {
	const most = 4
	if len(names) <= most+1 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

func appendNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

func count(n int, what string) string { return fmt.Sprintf("%d %s", n, noun(n, what)) }

func noun(n int, what string) string {
	if n == 1 {
		return what
	}
	return what + "s"
}

// shorten cuts a text at a number of characters.
func shorten(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}
