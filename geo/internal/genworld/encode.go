package main

import (
	"encoding/binary"
	"math"
	"time"
)

// The MaxMind DB file format, version 2.0: search tree, 16 zero bytes, data
// section, metadata. https://maxmind.github.io/MaxMind-DB/

// Types of the data section; those above 7 take a byte of their own.
const (
	typePointer = 1
	typeString  = 2
	typeUint16  = 5
	typeUint32  = 6
	typeMap     = 7
	typeUint64  = 9
	typeArray   = 11
	typeFloat   = 15
)

const (
	databaseType = "Meridian-World"
	description  = "Coarse map of the world's networks, made by Meridian from DB-IP City Lite. " +
		"IP Geolocation by DB-IP (https://db-ip.com), CC BY 4.0"
	metadataMarker = "\xab\xcd\xefMaxMind.com"
	separatorSize  = 16
)

// encode returns the file. built becomes its build time, so that the same
// source gives the same bytes.
func encode(t *tree, places []place, built time.Time) []byte {
	data, offsets := encodePlaces(places, t.cells())
	out := encodeTree(t, offsets)
	out = append(out, make([]byte, separatorSize)...)
	out = append(out, data...)
	out = append(out, metadataMarker...)
	return appendMetadata(out, len(t.nodes), built)
}

// encodeTree writes the nodes in reverse, for the root must stand first, with
// records of 24 bits.
func encodeTree(t *tree, offsets map[uint32]uint32) []byte {
	count := uint32(len(t.nodes))
	out := make([]byte, 0, 6*count+separatorSize)
	for i := range t.nodes {
		for _, r := range t.nodes[len(t.nodes)-1-i] {
			var v uint32
			switch {
			case r == nothing:
				v = count
			case r&isNode != 0:
				v = count - 1 - uint32(r&^isNode)
			default:
				v = count + separatorSize + offsets[uint32(r)-1]
			}
			out = append(out, byte(v>>16), byte(v>>8), byte(v))
		}
	}
	return out
}

// encodePlaces returns the data section with the places of the given cells, and
// where in it each stands. The keys are written out in the first record, the
// others point there.
func encodePlaces(places []place, cells []uint32) (data []byte, offsets map[uint32]uint32) {
	keys := [3]string{"country_code", "latitude", "longitude"}
	var keyAt [3]int
	offsets = make(map[uint32]uint32, len(cells))
	key := func(i int) {
		if len(offsets) > 1 {
			data = append(data, typePointer<<5|byte(keyAt[i]>>8), byte(keyAt[i]))
			return
		}
		keyAt[i] = len(data)
		data = appendString(data, keys[i])
	}
	for _, c := range cells {
		offsets[c] = uint32(len(data))
		data = appendControl(data, typeMap, len(keys))
		key(0)
		data = appendString(data, string(places[c].country[:]))
		key(1)
		data = appendFloat(data, places[c].lat)
		key(2)
		data = appendFloat(data, places[c].lon)
	}
	return data, offsets
}

func appendMetadata(b []byte, nodes int, built time.Time) []byte {
	b = appendControl(b, typeMap, 9)
	b = appendUint(appendString(b, "binary_format_major_version"), typeUint16, 2)
	b = appendUint(appendString(b, "binary_format_minor_version"), typeUint16, 0)
	b = appendUint(appendString(b, "build_epoch"), typeUint64, uint64(built.Unix()))
	b = appendString(appendString(b, "database_type"), databaseType)
	b = appendControl(appendString(b, "description"), typeMap, 1)
	b = appendString(appendString(b, "en"), description)
	b = appendUint(appendString(b, "ip_version"), typeUint16, 6)
	b = appendControl(appendString(b, "languages"), typeArray, 1)
	b = appendString(b, "en")
	b = appendUint(appendString(b, "node_count"), typeUint32, uint64(nodes))
	return appendUint(appendString(b, "record_size"), typeUint16, 24)
}

// appendControl writes type and size of a value; sizes from 29 to 284 take one
// byte more, longer ones do not occur here.
func appendControl(b []byte, kind, size int) []byte {
	top, long := kind, size
	if kind > 7 {
		top = 0
	}
	if size >= 29 {
		long = 29
	}
	b = append(b, byte(top<<5|long))
	if kind > 7 {
		b = append(b, byte(kind-7))
	}
	if size >= 29 {
		b = append(b, byte(size-29))
	}
	return b
}

func appendString(b []byte, s string) []byte {
	return append(appendControl(b, typeString, len(s)), s...)
}

func appendUint(b []byte, kind int, v uint64) []byte {
	var full [8]byte
	binary.BigEndian.PutUint64(full[:], v)
	short := full[:]
	for len(short) > 0 && short[0] == 0 {
		short = short[1:]
	}
	return append(appendControl(b, kind, len(short)), short...)
}

func appendFloat(b []byte, v float64) []byte {
	return binary.BigEndian.AppendUint32(appendControl(b, typeFloat, 4), math.Float32bits(float32(v)))
}
