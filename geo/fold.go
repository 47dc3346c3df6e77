package geo

import (
	"strings"
	"unicode"
)

// fold makes the spellings of a name alike: lower case, no accents, no
// apostrophes, one space for whatever separates words, "saint" for "st".
func fold(name string) string {
	var b strings.Builder
	for _, r := range name {
		switch {
		case r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r)):
			b.WriteRune(unicode.ToLower(r))
		case strings.ContainsRune("'’‘ʻʼ`´.", r) || unicode.Is(unicode.Mn, r):
		case unicode.IsLetter(r):
			b.WriteString(basic(unicode.ToLower(r)))
		default:
			b.WriteByte(' ')
		}
	}
	words := strings.Fields(b.String())
	for i, w := range words {
		words[i] = whole(w)
	}
	return strings.Join(words, " ")
}

// whole writes out the abbreviations that are usual in names of cities.
func whole(word string) string {
	switch word {
	case "st", "sankt":
		return "saint"
	case "ste":
		return "sainte"
	case "ft":
		return "fort"
	case "mt":
		return "mount"
	}
	return word
}

// basic returns what is left of a lower-case letter without its accents, and
// the letter itself if it is none of the Latin script.
func basic(r rune) string {
	const letters = "aàáâãäåāăąǎạảấầẩẫậắằẳẵặ cçćĉċč dďđḍḏð eèéêëēĕėęěẹẻẽếềểễệ" +
		" gĝğġģǧ hĥħḥḧḩẖ iìíîïĩīĭįıǐịỉ jĵ kķḳǩ lĺļľŀłḷḻ mṃ nñńņňŋṅṇṉ" +
		" oòóôõöøōŏőơǒọỏốồổỗộớờởỡợ pṕ rŕŗřṛṟ sśŝşšșṣ tţťŧțṭṯẗ uùúûüũūŭůűųưǔụủứừửữự" +
		" vṽ wŵẁẃẅ yýÿŷỳỵỷỹẏ zźżžẓẕ"
	switch r {
	case 'ß':
		return "ss"
	case 'æ':
		return "ae"
	case 'œ':
		return "oe"
	case 'þ':
		return "th"
	}
	i := strings.IndexRune(letters, r)
	if i < 0 {
		return string(r)
	}
	start := strings.LastIndexByte(letters[:i+1], ' ') + 1
	return letters[start : start+1]
}

// german writes ä, ö and ü as those do who have no such keys.
func german(name string) string {
	return strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "Ä", "Ae", "Ö", "Oe", "Ü", "Ue").Replace(name)
}

// distance is the number of letters to insert, drop, change or swap with their
// neighbour to make b of a.
func distance(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			change := 1
			if a[i] == b[j] {
				change = 0
			}
			row[j+1] = min(last[j]+change, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
