package zones

// Limits bound what one zone may cost. A zero field takes its default.
type Limits struct {
	Records   int   // records of a zone; default 16 million
	Text      int64 // octets of text read for a zone, included files counted each time; default 4 GiB
	Entry     int   // octets of one entry, that is a line or what parentheses join; default 512 KiB
	Includes  int   // $INCLUDE directives followed in a zone; default 1000
	Depth     int   // $INCLUDE within $INCLUDE; default 8
	Generate  int   // records of one $GENERATE; default 65536; all of a zone may make 16 times as many
	Generated int64 // octets of text that all $GENERATE of a zone make; default 64 MiB
	Problems  int   // errors, and warnings, reported of one zone; default 50
}

func (l Limits) withDefaults() Limits {
	or(&l.Records, 16_000_000)
	or(&l.Text, 4<<30)
	or(&l.Entry, 512<<10)
	or(&l.Includes, 1000)
	or(&l.Depth, 8)
	or(&l.Generate, 65536)
	or(&l.Generated, 64<<20)
	or(&l.Problems, 50)
	return l
}

func or[T int | int64](field *T, fallback T) {
	if *field <= 0 {
		*field = fallback
	}
}
