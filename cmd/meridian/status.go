package main

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/meridian-dns/meridian/admin"
)

func newStatus(s *settings) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Tell how the running server stands",
		Long: `Tell how the running server stands: first what is wrong, then servers and pools.

Exit code 0: all is well. 1: something is wrong, or no server is running.`,
		Example: `  meridian status
  meridian status --json | jq .servers`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var st admin.Status
			if err := askSocket(cmd.Context(), s.socketOf(), http.MethodGet, "/v1/status", nil, &st); err != nil {
				return err
			}
			w := cmd.OutOrStdout()
			if asJSON {
				return printJSON(w, st)
			}
			b := statusPage(&st, painterFor(w), widthOf(w))
			if _, err := io.WriteString(w, b); err != nil {
				return err
			}
			if v := &st.Verdict; v.Level == admin.Bad || v.Level == admin.Warn {
				return errReported
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON; the exit code is 0 then")
	return cmd
}

func newHistory(s *settings) *cobra.Command {
	var asJSON bool
	var most int
	cmd := &cobra.Command{
		Use:   "history [SERVER]",
		Short: "Tell what went down and up, and when",
		Long: `Tell what went down and up, and when, the newest first. A SERVER is a name of
[servers].`,
		Example: `  meridian history
  meridian history fr -n 10`,
		Args: atMost(1, "server"),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := "/v1/history"
			if len(args) > 0 {
				path += "?server=" + url.QueryEscape(args[0])
			}
			var events []admin.Event
			if err := askSocket(cmd.Context(), s.socketOf(), http.MethodGet, path, nil, &events); err != nil {
				return err
			}
			events = events[:min(len(events), most)]
			w := cmd.OutOrStdout()
			if asJSON {
				return printJSON(w, events)
			}
			t := &table{paint: painterFor(w), width: widthOf(w)}
			for _, e := range events {
				t.row(historyRow(&e))
			}
			text := t.String()
			if text == "" {
				text = "nothing has happened yet\n"
			}
			_, err := io.WriteString(w, text)
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().IntVarP(&most, "lines", "n", 50, "print at most so `many`, the newest first")
	return cmd
}

// historyRow is a colour and the cells of an event: when, who, what and why.
func historyRow(e *admin.Event) (colour string, at, server, what, why string) {
	at, server, what, why = e.At.Local().Format(time.DateTime), e.Server, e.From+" > "+e.To, e.What
	if e.Reason != "" {
		why = e.Reason + " (" + e.What + ")"
	}
	switch order := strings.HasPrefix(e.What, "order "); {
	case order && e.From == admin.Drain:
		what = "drain " + e.To
	case order:
		what = "forced " + e.From + " " + e.To
	default:
		colour = map[string]string{"up": "green", "down": "red"}[e.To]
	}
	return colour, at, server, what, why
}

// widthOf is how many characters fit a line; 0: as many as there are.
func widthOf(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok || !isTerminal(w) {
		return 0
	}
	n, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return n
}

// painterFor colours for a terminal only.
func painterFor(w io.Writer) painter {
	return painter{on: isTerminal(w) && os.Getenv("NO_COLOR") == ""}
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return s
}

// statusPage is all of it.
func statusPage(st *admin.Status, p painter, width int) string {
	var b strings.Builder
	v := &st.Verdict // as the page shows it
	colour := map[string]string{admin.Bad: "red", admin.Warn: "yellow", admin.Note: "yellow"}[v.Level]
	for _, part := range wrapped(v.Text, width) {
		fmt.Fprintln(&b, p.named(cmp.Or(colour, "green"), part))
	}
	fmt.Fprintf(&b, "meridian %s, up %s, %s, %s queries\n", st.Version, age(st.Now.Sub(st.Started)),
		plural(len(st.Zones), "zone"), grouped(st.DNS.UDPQueries+st.DNS.TCPQueries))
	for _, a := range st.Alarms {
		line := fmt.Sprintf("! %s: %s (%s)", a.Key, firstLine(a.Text), age(st.Now.Sub(a.Since)))
		for i, part := range wrapped(line, width-2) {
			fmt.Fprintln(&b, p.red(strings.Repeat("  ", min(i, 1))+part))
		}
	}
	b.WriteString("\n" + serverTable(st, p, width))
	if len(st.Pools) > 0 {
		b.WriteString("\n" + poolTable(st, p, width))
	}
	planned := &table{paint: p, width: width}
	for i := range st.Orders {
		if o := &st.Orders[i]; o.Planned {
			planned.row("", "planned", orderLine(o))
		}
	}
	if text := planned.String(); text != "" {
		b.WriteString("\n" + text)
	}
	return b.String()
}

// roomy is from how many columns on there is room for what is the least telling, the site.
const roomy = 100

func serverTable(st *admin.Status, p painter, width int) string {
	t := &table{paint: p, width: width}
	row := func(colour, server, site string, rest ...string) {
		cells := []string{server}
		if width == 0 || width >= roomy {
			cells = append(cells, site)
		}
		t.row(colour, append(cells, rest...)...)
	}
	row("bold", "SERVER", "SITE", "STATE", "SINCE", "WHY")
	list := slices.Clone(st.Servers)
	slices.SortStableFunc(list, func(a, b admin.Server) int { return cmp.Compare(rank(&a), rank(&b)) })
	for i := range list {
		s := &list[i]
		since := ""
		if !s.Since.IsZero() {
			since = age(st.Now.Sub(s.Since))
		}
		row(colourOf(s), s.Name, s.Site, shownState(s), since, here(s.Reason))
	}
	return t.String()
}

var stamp = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)

// here writes the times in a text as the clock of this host has them.
func here(s string) string {
	return stamp.ReplaceAllStringFunc(s, func(at string) string {
		t, err := time.Parse(time.RFC3339, at)
		if err != nil {
			return at
		}
		return clock(t)
	})
}

// rank puts what needs a person first.
func rank(s *admin.Server) int {
	switch colourOf(s) {
	case "red":
		return 0
	case "yellow":
		return 1
	}
	return 2
}

func colourOf(s *admin.Server) string {
	switch {
	case s.Order != "":
		return "yellow"
	case s.State == "down":
		return "red"
	case s.State == "part" || s.State == "unknown":
		return "yellow"
	case s.State == "up":
		return "green"
	}
	return ""
}

func shownState(s *admin.Server) string {
	state := map[string]string{"down": "DOWN", "part": "partly up", "unchecked": "no check"}[s.State]
	if state = cmp.Or(state, s.State); s.Order != "" {
		return s.Order + " (" + strings.ToLower(state) + ")"
	}
	return state
}

func poolTable(st *admin.Status, p painter, width int) string {
	t := &table{paint: p, width: width}
	t.row("bold", "POOL", "UP", "STATE")
	for _, o := range st.Pools {
		colour := map[string]string{"down": "red", "reduced": "yellow", "up": "green"}[o.State]
		state := map[string]string{"down": "DOWN"}[o.State]
		if state = cmp.Or(state, o.State); o.Drained > 0 {
			state += fmt.Sprintf(", %d drained", o.Drained)
		}
		t.row(colour, o.Name, fmt.Sprintf("%d/%d", o.Up, o.Servers), state)
	}
	return t.String()
}

// table aligns columns; the last goes on in the next line if it does not fit, and is cut after three.
type table struct {
	paint  painter
	width  int // 0: any
	rows   [][]string
	colour []string
}

func (t *table) row(colour string, cells ...string) {
	t.rows, t.colour = append(t.rows, cells), append(t.colour, colour)
}

func (t *table) String() string {
	var wide [8]int
	for _, r := range t.rows {
		for i, c := range r[:len(r)-1] {
			wide[i] = max(wide[i], utf8.RuneCountInString(c))
		}
	}
	var b strings.Builder
	for n, r := range t.rows {
		line := ""
		for i, c := range r[:len(r)-1] {
			line += c + strings.Repeat(" ", wide[i]-utf8.RuneCountInString(c)+2)
		}
		indent := utf8.RuneCountInString(line)
		for i, part := range wrapped(r[len(r)-1], t.width-indent) {
			if i > 0 {
				line = strings.Repeat(" ", indent)
			}
			line = strings.TrimRight(line+part, " ")
			fmt.Fprintln(&b, t.paint.named(t.colour[n], cut(line, t.width)))
		}
	}
	return b.String()
}

const (
	leastWrapped = 20 // characters of a line; in less room nobody reads
	mostWrapped  = 3  // lines of a text
)

// wrapped breaks a text at spaces into lines that fit. Where the room is too small it stays as it is.
func wrapped(s string, width int) (lines []string) {
	if width < leastWrapped {
		return []string{s}
	}
	rest := []rune(s)
	for len(rest) > width && len(lines) < mostWrapped-1 {
		end := width
		for end > 0 && rest[end] != ' ' {
			end--
		}
		if end == 0 { // a word longer than a line
			end = width
		}
		lines = append(lines, string(rest[:end]))
		rest = []rune(strings.TrimLeft(string(rest[end:]), " "))
	}
	return append(lines, cut(string(rest), width))
}

// cut makes a line fit.
func cut(s string, width int) string {
	if width < 10 || utf8.RuneCountInString(s) <= width {
		return s
	}
	return string([]rune(s)[:width-3]) + "..."
}

// age is a duration in its greatest unit or two: "3d 4h", "12m", "5s".
func age(d time.Duration) string {
	d = max(d, 0)
	switch days, hours := int(d.Hours())/24, int(d.Hours())%24; {
	case days > 0 && hours > 0 && days < 10:
		return fmt.Sprintf("%dd %dh", days, hours)
	case days > 0:
		return fmt.Sprintf("%dd", days)
	case hours > 0:
		return fmt.Sprintf("%dh %dm", hours, int(d.Minutes())%60)
	case d >= time.Minute:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	}
	return fmt.Sprintf("%ds", int(d.Seconds()))
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// grouped writes a number with spaces between thousands.
func grouped(n uint64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return s
}
