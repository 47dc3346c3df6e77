// Package coverage draws which part of the world each server of a pool serves.
//
// Take asks a steer.Survey, place after place, what clients there would be answered, and gives a Map: whom every country
// is served by, and where within it one server's area ends and another's begins. Map.SVG draws it and Map.Coverage tells
// it in numbers. All three are pure: the same pool in the same state gives the same octets.
//
// Outlines of land and countries come from the embedded atlas (atlas.bin, see geo/internal/genatlas). Its borders are
// shared point by point, and those between areas are cut from the same points, so that areas meet without a gap and end
// where the land does. A Map never changes once it is made and may be used by any number of goroutines at once.
package coverage

//go:generate go run ../../../../geo/internal/genatlas -out atlas.bin
