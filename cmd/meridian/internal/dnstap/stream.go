package dnstap

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// contentType names what the frames hold.
const contentType = "protobuf:dnstap.Dnstap"

// Control frames of Frame Streams (fstrm's control.h). A frame is its length in four octets, the highest first, and the
// data; a length of 0 is followed by a control frame: its length, its type, and fields of a type, a length and data.
const (
	controlAccept = 1
	controlStart  = 2
	controlStop   = 3
	controlReady  = 4
	controlFinish = 5

	fieldContentType = 1

	mostControl = 512 // octets of a control frame
)

// control encodes a control frame, with the content type if it has one.
func control(kind uint32, typed bool) []byte {
	body := binary.BigEndian.AppendUint32(nil, kind)
	if typed {
		body = binary.BigEndian.AppendUint32(body, fieldContentType)
		body = binary.BigEndian.AppendUint32(body, uint32(len(contentType)))
		body = append(body, contentType...)
	}
	frame := binary.BigEndian.AppendUint32(make([]byte, 4), uint32(len(body)))
	return append(frame, body...)
}

// readControl reads a control frame: its type and its content types.
func readControl(r io.Reader) (kind uint32, types [][]byte, err error) {
	var head [12]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	size := binary.BigEndian.Uint32(head[4:])
	if binary.BigEndian.Uint32(head[:]) != 0 || size < 4 || size > mostControl {
		return 0, nil, errors.New("the reader does not speak Frame Streams")
	}
	rest := make([]byte, size-4)
	if _, err := io.ReadFull(r, rest); err != nil {
		return 0, nil, err
	}
	for len(rest) >= 8 {
		field, n := binary.BigEndian.Uint32(rest), binary.BigEndian.Uint32(rest[4:])
		if uint64(n) > uint64(len(rest)-8) {
			break
		}
		if field == fieldContentType {
			types = append(types, rest[8:8+n])
		}
		rest = rest[8+n:]
	}
	if len(rest) > 0 {
		return 0, nil, errors.New("the reader sends a control frame that is malformed")
	}
	return binary.BigEndian.Uint32(head[8:]), types, nil
}

// handshake offers the content type and begins the stream: READY, ACCEPT, START.
func handshake(c net.Conn) error {
	c.SetDeadline(time.Now().Add(patience))
	if _, err := c.Write(control(controlReady, true)); err != nil {
		return err
	}
	kind, types, err := readControl(c)
	switch {
	case err != nil:
		return fmt.Errorf("handshake: %w", reasonOf(err))
	case kind != controlAccept:
		return fmt.Errorf("handshake: the reader sends a control frame of type %d, not ACCEPT", kind)
	}
	takes := len(types) == 0
	for _, t := range types {
		takes = takes || bytes.Equal(t, []byte(contentType))
	}
	if !takes {
		return fmt.Errorf("handshake: the reader does not take %s", contentType)
	}
	_, err = c.Write(control(controlStart, true))
	c.SetDeadline(time.Time{})
	return err
}

// listen waits for the reader to finish, and tells why it did.
func listen(c net.Conn) error {
	kind, _, err := readControl(c)
	switch {
	case errors.Is(err, io.EOF):
		return errors.New("the reader has gone")
	case err != nil:
		return err
	case kind == controlFinish:
		return errFinished
	}
	return fmt.Errorf("the reader sends a control frame of type %d", kind)
}

var errFinished = errors.New("the reader has finished")

// finish ends the stream: STOP, and FINISH from the reader, who may take a moment.
func finish(c net.Conn, ended <-chan error) error {
	c.SetWriteDeadline(time.Now().Add(time.Second))
	if _, err := c.Write(control(controlStop, false)); err != nil {
		return err
	}
	select {
	case err := <-ended:
		return err
	case <-time.After(time.Second):
		return errors.New("the reader does not finish")
	}
}

// reasonOf leaves out what a network error says of the socket.
func reasonOf(err error) error {
	if op, ok := err.(*net.OpError); ok {
		return op.Err
	}
	return err
}
