package demo

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// errQuit says that somebody wants to go.
var errQuit = errors.New("quit")

// onScreen draws the board and obeys keys.
func (d *demo) onScreen(ctx context.Context) error {
	s, err := openScreen(d.o.In, d.o.Out, d.o.Color)
	if err != nil {
		return err
	}
	defer s.close()
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, syscall.SIGWINCH)
	defer signal.Stop(resized)
	tick := time.NewTicker(beat)
	defer tick.Stop()
	pressed := readKeys(d.o.In)
	d.board.note(time.Now(), 0, "press 1 to stop %s, and watch where its clients go", d.sites[0].name)
	k := look{plain: !d.o.Color}
	for {
		d.lookAround()
		k.width, k.height = s.width, s.height
		s.show(d.board.draw(k))
		select {
		case <-ctx.Done():
			return nil
		case <-d.ended:
			return d.failed
		case text := <-d.notes:
			d.board.note(time.Now(), -1, "%s", text)
		case <-resized:
			s.measure()
		case now := <-tick.C:
			d.board.forget()
			d.look(now)
		case key := <-pressed:
			if d.press(key, &k) != nil {
				return nil
			}
		}
	}
}

// press does what a key asks for.
func (d *demo) press(key byte, k *look) error {
	switch {
	case key >= '1' && int(key-'1') < len(d.sites):
		d.toggle(int(key - '1'))
	case key == 'm' || key == 'M':
		k.atlas = !k.atlas
	case key == '?' || key == 'h':
		k.help = !k.help
	case key == 'q' || key == 'Q' || key == ctrlC || key == ctrlD:
		return errQuit
	}
	return nil
}

const (
	ctrlC  = 3
	ctrlD  = 4
	escape = 27
)

// readKeys hands over the keys pressed, but those that send sequences: arrows and the like. The end of input is ctrl-D.
func readKeys(in io.Reader) <-chan byte {
	keys := make(chan byte)
	go func() {
		buf := make([]byte, 64)
		for {
			n, err := in.Read(buf)
			if err != nil {
				keys <- ctrlD
				return
			}
			for _, key := range plain(buf[:n]) {
				keys <- key
			}
		}
	}()
	return keys
}

// plain leaves out control sequences (ECMA-48 section 5.4): an escape, "[" or "O", and all to the final byte.
func plain(text []byte) []byte {
	var keys []byte
	for i := 0; i < len(text); i++ {
		if text[i] != escape {
			keys = append(keys, text[i])
			continue
		}
		if i++; i < len(text) && (text[i] == '[' || text[i] == 'O') {
			for i++; i < len(text) && (text[i] < '@' || text[i] > '~'); i++ {
			}
		}
	}
	return keys
}
