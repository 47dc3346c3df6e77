package coverage

import (
	"fmt"
	"strings"
)

// palette is the colours of areas, in light and in dark. They were chosen by a search for twelve that lie as far apart as
// can be to normal eyes and to those that lack one kind of cone, the first six farther than the others.
func palette() [inks][2]string {
	return [inks][2]string{
		{"#a1a7e8", "#3f8fe0"}, {"#fbcd5d", "#ad6806"}, {"#4fc499", "#12745c"}, {"#942d69", "#8849a3"},
		{"#705d09", "#bbce6a"}, {"#4d4bb4", "#ebb4bf"}, {"#e75f65", "#adc6f5"}, {"#98e48e", "#7c94c4"},
		{"#a51e42", "#ba828f"}, {"#8d9c28", "#af462f"}, {"#af83a7", "#6b5e7d"}, {"#7861a6", "#b1a373"},
	}
}

// CSS is the rules that a map's classes go by. Lengths are in units of the map, four to a dot at a width of 1440.
func CSS() string {
	var b strings.Builder
	b.WriteString(`.coverage .paper{fill:#fff}
.coverage .sea{fill:#e9f0f5}
.coverage .grid{fill:none;stroke:#d3dfe8;stroke-width:3}
.coverage .land{fill:#d4d4d0;stroke:#d4d4d0;stroke-width:2}
.coverage .area{stroke-width:2;stroke-linejoin:round;fill-rule:evenodd}
.coverage .area path:hover{fill-opacity:.8}
.coverage .border{fill:none;stroke:#fff;stroke-opacity:.55;stroke-width:2.5;stroke-linejoin:round;pointer-events:none}
.coverage .ring{fill:#fff;fill-opacity:.5;stroke-width:7}
.coverage .mark{stroke:#fff;stroke-width:9;paint-order:stroke;fill:#1c2730;fill-rule:evenodd}
.coverage .mark.down{fill:#c1121f}
.coverage .mark.drained{fill:#1c2730}
.coverage text{font-family:system-ui,"Segoe UI",Roboto,Helvetica,Arial,sans-serif}
.coverage .label{font-size:58px;font-weight:600;fill:#12181d;stroke:#fff;stroke-opacity:.85;stroke-width:14;stroke-linejoin:round;paint-order:stroke;pointer-events:none}
.coverage .leader{fill:none;stroke:#12181d;stroke-width:5;pointer-events:none}
.coverage .end{text-anchor:end}
.coverage .mid{text-anchor:middle}
.coverage .heading{font-size:88px;font-weight:600;fill:#12181d}
.coverage .medium{display:none;font-size:95px;stroke-width:24}
.coverage .narrow{display:none;font-size:150px;stroke-width:34}
.coverage .legend{fill:#2b363f;font-size:50px}
.coverage .legend .note{fill:#66727c;font-size:44px}
`)
	for i, c := range palette() {
		fmt.Fprintf(&b, ".coverage .area.s%d{fill:%s;stroke:%s}.coverage .ring.s%d{stroke:%s}\n", i, c[0], c[0], i, c[0])
	}
	b.WriteString(`@media (prefers-color-scheme:dark){
.coverage .paper{fill:#0c1116}
.coverage .sea{fill:#141b22}
.coverage .grid{stroke:#202a33}
.coverage .land{fill:#3b4045;stroke:#3b4045}
.coverage .border{stroke:#10161b;stroke-opacity:.6}
.coverage .heading{fill:#fff}
.coverage .leader{stroke:#fff}
.coverage .label{fill:#fff;stroke:#10161b}
.coverage .mark{stroke:#10161b;fill:#fff}
.coverage .mark.down{fill:#ff6b6b}
.coverage .mark.drained{fill:#fff}
.coverage .ring{fill:#10161b}
.coverage .legend{fill:#cfd8df}
.coverage .legend .note{fill:#8f9aa3}
`)
	for i, c := range palette() {
		fmt.Fprintf(&b, ".coverage .area.s%d{fill:%s;stroke:%s}.coverage .ring.s%d{stroke:%s}\n", i, c[1], c[1], i, c[1])
	}
	b.WriteString("}\n:has(>.coverage){container:coverage/inline-size}\n")
	for _, at := range []string{"@media", "@container coverage"} {
		fmt.Fprintf(&b, small, at)
	}
	return b.String()
}

// small is the rules for smaller maps: on a screen by itself, or in its place on a page.
const small = `%[1]s (max-width:1000px){
.coverage .wide{display:none}
.coverage .medium{display:inline}
.coverage .mark path{transform:scale(1.5)}
.coverage .legend .mark path{transform:none}
.coverage .ring{r:18px;stroke-width:9}
}
%[1]s (max-width:560px){
.coverage .medium,.coverage .legend{display:none}
.coverage .narrow{display:inline}
.coverage .mark path{transform:scale(2.4)}
.coverage .ring{r:26px;stroke-width:14}
.coverage .border{stroke-width:5}
.coverage .heading{font-size:120px}
}
`
