package steer

import (
	"reflect"
	"testing"
)

// What a choice held before leaves no trace but in the parts that do not count.
func TestChooseEmptiesTheChoice(t *testing.T) {
	full := reflect.New(reflect.TypeFor[Choice]()).Elem()
	for i := range full.NumField() {
		if !full.Type().Field(i).IsExported() {
			continue
		}
		switch f := full.Field(i); f.Kind() {
		case reflect.Int:
			f.SetInt(3)
		case reflect.Uint8, reflect.Uint32:
			f.SetUint(3)
		case reflect.Bool:
			f.SetBool(true)
		case reflect.Slice:
			f.SetBytes([]byte{3})
		case reflect.Array: // Parts
		default:
			t.Fatalf("field %s is not set here", full.Type().Field(i).Name)
		}
	}
	ch := full.Interface().(Choice)
	ch.servers, ch.nDrawn = []uint32{3}, 3
	if ch.reset(); !reflect.DeepEqual(ch, Choice{}) {
		t.Errorf("left behind: %+v", ch)
	}
}
