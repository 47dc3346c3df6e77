package zones

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

const testOrigin = "\x04test\x00"

// parsed gives the records of a text as "owner TTL type data line", and the
// problems. Included files are looked up in files.
func parsed(text string, files map[string]string, limits Limits) (recs, problems []string) {
	open := func(name string) (io.ReadCloser, int64, error) {
		text, ok := files[name]
		if !ok {
			return nil, 0, fmt.Errorf("no such file")
		}
		return io.NopCloser(strings.NewReader(text)), int64(len(text)), nil
	}
	rep := &report{files: []string{"test.zone"}, limit: 50}
	for _, r := range parse(strings.NewReader(text), int64(len(text)), testOrigin, open, limits.withDefaults(), rep, func(portion) {}) {
		data := fmt.Sprintf("%x", r.Data)
		switch fields(r.Type) {
		case "n":
			data = nameText(r.Data)
		case "C":
			data = fmt.Sprintf("%q", r.Data)
		case "4":
			data = fmt.Sprint([]byte(r.Data))
		}
		recs = append(recs, fmt.Sprintf("%s %d %s %s %s:%d", nameText(r.Owner), r.TTL, typeText(r.Type), data, rep.files[r.Pos.File], r.Pos.Line))
	}
	for _, p := range rep.problems() {
		problems = append(problems, p.String())
	}
	return recs, problems
}

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name, text string
		files      map[string]string
		want       []string
	}{
		{"owner and TTL are inherited", "a 5 A 1.2.3.4\n A 1.2.3.5\n\tIN 7 A 1.2.3.6\nb A 1.2.3.7\n", nil, []string{
			"a.test. 5 A [1 2 3 4] test.zone:1", "a.test. 5 A [1 2 3 5] test.zone:2",
			"a.test. 7 A [1 2 3 6] test.zone:3", "b.test. 7 A [1 2 3 7] test.zone:4"}},
		{"$TTL wins over the last stated", "$TTL 1m\na 5 A 1.2.3.4\n A 1.2.3.5\n$TTL 0\nb A 1.2.3.6\n", nil, []string{
			"a.test. 5 A [1 2 3 4] test.zone:2", "a.test. 60 A [1 2 3 5] test.zone:3", "b.test. 0 A [1 2 3 6] test.zone:5"}},
		{"units", "a 1w1d1h1m1s A 1.2.3.4\nb 1H30M A 1.2.3.4\n", nil, []string{
			"a.test. 694861 A [1 2 3 4] test.zone:1", "b.test. 5400 A [1 2 3 4] test.zone:2"}},
		{"names like types and classes", "in 5 IN A 1.2.3.4\na A 1.2.3.4\n5 A 1.2.3.4\nMX CNAME IN\n", nil, []string{
			"in.test. 5 A [1 2 3 4] test.zone:1", "a.test. 5 A [1 2 3 4] test.zone:2", "5.test. 5 A [1 2 3 4] test.zone:3",
			"mx.test. 5 CNAME IN.test. test.zone:4"}},
		{"case of data is kept", "A.B 5 cname C.D\n$ORIGIN E.\nf Ns g\n", nil, []string{
			"a.b.test. 5 CNAME C.D.test. test.zone:1", "f.e. 5 NS g.E. test.zone:3"}},
		{"parentheses and comments", "a 5 TXT ( \"x\" ; one\n\n  y;two\n) z\nb TXT \"(;\" \\; \\( \\\"\n", nil, []string{
			`a.test. 5 TXT "\x01x\x01y\x01z" test.zone:1`, `b.test. 5 TXT "\x02(;\x01;\x01(\x01\"" test.zone:5`}},
		{"line ends of other systems", "\xef\xbb\xbfa 5 TXT x\r\n  TXT \"y\"\r\n\r\n", nil, []string{
			`a.test. 5 TXT "\x01x" test.zone:1`, `a.test. 5 TXT "\x01y" test.zone:2`}},
		{"escapes in names", `a\.b 5 CNAME \064.\@.x\032y` + "\n\\@ CNAME @\n", nil, []string{
			`a\.b.test. 5 CNAME \@.\@.x\032y.test. test.zone:1`, `\@.test. 5 CNAME test. test.zone:2`}},
		{"origins", "$ORIGIN sub\na 5 CNAME @\n$ORIGIN other.\na CNAME b.c\n$ORIGIN .\na CNAME b\n", nil, []string{
			"a.sub.test. 5 CNAME sub.test. test.zone:2", "a.other. 5 CNAME b.c.other. test.zone:4", "a. 5 CNAME b. test.zone:6"}},
		{"long text is cut", "a 5 TXT " + strings.Repeat("x", 256) + " \"\"\n", nil, []string{
			fmt.Sprintf("a.test. 5 TXT %q test.zone:1", "\xff"+strings.Repeat("x", 255)+"\x01x\x00")}},
		{"include", "a 5 A 1.2.3.4\n$INCLUDE \"x y\" sub\n A 1.2.3.5\nb A 1.2.3.6\n", map[string]string{
			"x y": "$TTL 9\nc A 1.2.3.7\n$ORIGIN d\n@ A 1.2.3.8\n"}, []string{
			"a.test. 5 A [1 2 3 4] test.zone:1", "c.sub.test. 9 A [1 2 3 7] x y:2", "d.sub.test. 9 A [1 2 3 8] x y:4",
			"a.test. 9 A [1 2 3 5] test.zone:3", "b.test. 9 A [1 2 3 6] test.zone:4"}},
		{"generate", "$TTL 5\n$GENERATE 8-12/2 h$ A 10.0.0.${1}\n$GENERATE 1-1 $$\\$x TXT \"a;$ b\" c\n", nil, []string{
			"h8.test. 5 A [10 0 0 9] test.zone:2", "h10.test. 5 A [10 0 0 11] test.zone:2", "h12.test. 5 A [10 0 0 13] test.zone:2",
			`\$\$x.test. 5 TXT "\x05a;1 b\x01c" test.zone:3`}},
		{"generate in other bases", "$TTL 5\n$GENERATE 26-26 ${0,4,x}-${0,0,X}-${-10,3,o}-${5,0,d} CNAME ${0,0,n}\n$GENERATE 26-26 x CNAME ${0,5,N}.${0,6,n}a\n", nil, []string{
			"001a-1a-020-31.test. 5 CNAME a.1.test. test.zone:2", "x.test. 5 CNAME A.1.0.a.1.0.a.test. test.zone:3"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, problems := parsed(c.text, c.files, Limits{})
			if !slices.Equal(got, c.want) || problems != nil {
				t.Errorf("got:\n%s\nwant:\n%s\nproblems: %v", strings.Join(got, "\n"), strings.Join(c.want, "\n"), problems)
			}
		})
	}
}

func TestHeaderFields(t *testing.T) {
	for _, h := range []string{"", "IN", "9", "9 IN", "IN 9", "CLASS1 9", "in 9", "9 class1"} {
		got, problems := parsed("$TTL 9\na "+h+" A 1.2.3.4\n", nil, Limits{})
		if problems != nil || !slices.Equal(got, []string{"a.test. 9 A [1 2 3 4] test.zone:2"}) {
			t.Errorf("%q: %v %v", h, got, problems)
		}
	}
}

func TestLimits(t *testing.T) {
	for _, c := range []struct {
		name, text string
		limits     Limits
		want       string
	}{
		{"a line of a megabyte", "a 5 TXT \"" + strings.Repeat("x", 1<<20) + "\"\n", Limits{},
			"test.zone:1: an entry longer than the limit: is a parenthesis not closed?"},
		{"a megabyte in parentheses", "; comment\na 5 TXT (" + strings.Repeat(" x\n", 1<<20/3), Limits{},
			"test.zone:2: an entry longer than the limit: is a parenthesis not closed?"},
		{"a megabyte of parentheses", "a 5 TXT " + strings.Repeat("(", 1<<20), Limits{},
			"test.zone:1: an entry longer than the limit: is a parenthesis not closed?"},
		{"an entry just too long", "a 5 TXT 123456789\na 5 TXT 1234567890\n", Limits{Entry: 17},
			"test.zone:2: an entry longer than the limit: is a parenthesis not closed?"},
		{"records", "a 5 TXT 1\na 5 TXT 2\na 5 TXT 3\n", Limits{Records: 2}, "test.zone:3: more than 2 records"},
		{"text", "a 5 TXT 1\na 5 TXT 2\n", Limits{Text: 15}, "test.zone:3: the zone's text is larger than 15 octets"},
		{"generated records", "$GENERATE 1-4 $ 5 TXT $\n", Limits{Generate: 3}, "test.zone:1: $GENERATE: 4 records are more than 3"},
		{"generated text", "$GENERATE 1-4 $ 5 TXT " + strings.Repeat("${0,63}", 100) + "\n", Limits{},
			"test.zone:1: $GENERATE: an entry longer than the limit: is a parenthesis not closed?"},
		{"all generated records", strings.Repeat("$GENERATE 1-3 $ 5 TXT x\n", 17), Limits{Generate: 3},
			"test.zone:17: $GENERATE: more than 48 records are made for the zone"},
		{"all generated text", strings.Repeat("$GENERATE 1-7 $ 5 TXT x\n", 2), Limits{Generated: 100},
			"test.zone:2: $GENERATE: more than 100 octets of text are made for the zone"},
		{"RDATA", "a 5 TXT " + strings.Repeat(strings.Repeat("x", 255)+" ", 257) + "\n", Limits{}, "test.zone:1: TXT: the data is longer than 65535 octets"},
		{"includes", strings.Repeat("$INCLUDE empty\n", 3), Limits{Includes: 2}, "test.zone:3: $INCLUDE empty: more than 2 files are included"},
		{"depth", "$INCLUDE 1\n", Limits{Depth: 2}, "2:1: $INCLUDE 3: files are included more than 2 deep"},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := map[string]string{"empty": "", "1": "$INCLUDE 2\n", "2": "$INCLUDE 3\n", "3": "$INCLUDE 4\n"}
			_, problems := parsed(c.text, files, c.limits)
			if !slices.Equal(problems, []string{c.want}) {
				t.Errorf("got %v, want %s", problems, c.want)
			}
		})
	}
}

// Text that doubles with every level of inclusion ends at the limit.
func TestIncludeBomb(t *testing.T) {
	files := map[string]string{"8": ""}
	for i := range 8 {
		files[fmt.Sprint(i)] = strings.Repeat(fmt.Sprintf("$INCLUDE %d\n", i+1), 100)
	}
	_, problems := parsed("$INCLUDE 0\n", files, Limits{Depth: 20})
	if len(problems) != 50 || !strings.Contains(problems[0], "more than 1000 files are included") {
		t.Errorf("%d problems: %v", len(problems), problems[:1])
	}
}

// A slow source gives its text octet by octet.
type slowReader struct{ r io.Reader }

func (s slowReader) Read(b []byte) (int, error) { return s.r.Read(b[:min(1, len(b))]) }

func TestSlowSourceReadsTheSame(t *testing.T) {
	text := "$TTL 5\na TXT ( \"x y\"\n b ) ; c\n\n TXT z\nlong TXT " + strings.Repeat("word ", 1000) + "\nlast A 1.2.3.4"
	want, _ := parsed(text, nil, Limits{})
	rep := &report{files: []string{"test.zone"}, limit: 50}
	recs := parse(slowReader{strings.NewReader(text)}, 0, testOrigin, nothing, Limits{}.withDefaults(), rep, func(portion) {})
	if len(recs) != len(want) || len(recs) != 4 || recs[1].Pos.Line != 5 || recs[3].Data != "\x01\x02\x03\x04" {
		t.Errorf("%v, want %v", recs, want)
	}
}

func TestHundredThousandRecordsInOneRRset(t *testing.T) {
	var b strings.Builder
	b.WriteString("$TTL 60\n@ SOA ns.x. a.x. 1 2 3 4 5\n@ NS ns.x.\n")
	for i := range 100_000 {
		fmt.Fprintf(&b, "many A 10.%d.%d.%d\n", i>>16, i>>8&255, i&255)
	}
	z, problems := Parse("test.zone", strings.NewReader(b.String()), int64(b.Len()), nil)
	want := "test.zone:4: the A records of many.test., 100000 from here on, do not fit one DNS message of 64 KiB"
	if z != nil || len(problems) != 1 || problems[0].String() != want {
		t.Errorf("%v", problems)
	}
	same := "$TTL 60\n@ SOA ns.x. a.x. 1 2 3 4 5\n@ NS ns.x.\n" + strings.Repeat("many A 10.0.0.1\n", 100_000)
	z, problems = Parse("test.zone", strings.NewReader(same), int64(len(same)), nil)
	if z == nil || len(problems) != 51 {
		t.Errorf("a hundred thousand times the same record: %d problems", len(problems))
	}
}
