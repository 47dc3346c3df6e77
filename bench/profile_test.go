package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"testing"
)

func TestNameless(t *testing.T) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	w.Write([]byte("\x0a\x2c/somewhere/profile1/go-build7/b001/bench.test\x12\x04main"))
	w.Close()
	got, err := nameless(packed.Bytes(), "/somewhere/profile1")
	if err != nil {
		t.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(got))
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(r)
	if want := "\x0a\x2c---------------------------------------------\x12\x04main"; string(text) != want {
		t.Errorf("got %q, want %q", text, want)
	}
	if _, err := nameless([]byte("no profile"), "/somewhere"); err == nil {
		t.Error("what is no profile is no error")
	}
}
