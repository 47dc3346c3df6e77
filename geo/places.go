package geo

import (
	"encoding/binary"
	"hash/maphash"
	"slices"
)

// places numbers the places and mixes of a partition while it is made.
//
// A bare place is what a city file alone tells: most runs need nothing but its
// number. It becomes a Place when it is met with the AS number and the wanted
// network beside it.
type places struct {
	bare    []Place
	numbers map[Place]uint32 // of bare places
	plain   []PlaceID        // by bare place: its Place without AS number and network, absent if not met
	ids     map[combination]PlaceID
	memo    combination // the last one looked up in ids
	memoID  PlaceID

	places []Place

	mixes Mixes
	seed  maphash.Seed
	byKey map[uint64][]uint32 // hash of a mix: indexes into mixes
	key   []byte              // scratch
}

type combination struct {
	bare, asn uint32
	net       int32
}

const absent = ^PlaceID(0)

func newPlaces() *places {
	return &places{
		bare: []Place{{}}, numbers: map[Place]uint32{{}: 0}, plain: []PlaceID{Unknown},
		ids:    map[combination]PlaceID{},
		places: []Place{Unknown: {}, SpecialPlace: {Special: true}},
		seed:   maphash.MakeSeed(), byKey: map[uint64][]uint32{},
	}
}

// bareOf numbers the places of a file, without what is not wanted.
func (t *places) bareOf(src *source, subdivision bool) []uint32 {
	out := make([]uint32, len(src.places))
	for i, p := range src.places {
		p.ASN = 0
		if !subdivision {
			p.Subdivision = Subdivision{}
		}
		n, ok := t.numbers[p]
		if !ok {
			n = uint32(len(t.bare))
			t.numbers[p] = n
			t.bare = append(t.bare, p)
			t.plain = append(t.plain, absent)
		}
		out[i] = n
	}
	return out
}

// id is the place of a bare place with an AS number and a network.
func (t *places) id(bare, asn uint32, net int32) PlaceID {
	if asn == 0 && net == 0 {
		if t.plain[bare] == absent {
			t.plain[bare] = t.append(t.bare[bare])
		}
		return t.plain[bare]
	}
	c := combination{bare, asn, net}
	if c == t.memo {
		return t.memoID
	}
	id, ok := t.ids[c]
	if !ok {
		p := t.bare[bare]
		p.ASN, p.Net = asn, net
		id = t.append(p)
		t.ids[c] = id
	}
	t.memo, t.memoID = c, id
	return id
}

// special is the place of special-purpose space within a network.
func (t *places) special(net int32) PlaceID {
	if net == 0 {
		return SpecialPlace
	}
	c := combination{bare: ^uint32(0), net: net}
	id, ok := t.ids[c]
	if !ok {
		id = t.append(Place{Special: true, Net: net})
		t.ids[c] = id
	}
	return id
}

func (t *places) append(p Place) PlaceID {
	t.places = append(t.places, p)
	return PlaceID(len(t.places) - 1)
}

// mixed marks a PlaceID as an index into mixes until all places are known.
const mixed PlaceID = 1 << 31

// mix is the number of a mix of these parts, marked as such. parts is copied.
func (t *places) mix(parts []Part) PlaceID {
	t.key = t.key[:0]
	for _, p := range parts {
		t.key = binary.LittleEndian.AppendUint32(t.key, uint32(p.Place))
		t.key = binary.LittleEndian.AppendUint64(t.key, p.Hi)
		t.key = binary.LittleEndian.AppendUint64(t.key, p.Lo)
	}
	h := maphash.Bytes(t.seed, t.key)
	for _, i := range t.byKey[h] {
		if slices.Equal(t.mixes.At(int(i)), parts) {
			return mixed | PlaceID(i)
		}
	}
	i := uint32(t.mixes.Len())
	t.byKey[h] = append(t.byKey[h], i)
	t.mixes.Append(parts)
	return mixed | PlaceID(i)
}
