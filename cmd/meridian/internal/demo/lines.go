package demo

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/meridian-dns/meridian/geo"
)

// inLines tells what happens, a line each, where there is no terminal. Lines on the input are obeyed: "stop europe",
// "start europe", "quit"; its end changes nothing.
func (d *demo) inLines(ctx context.Context) error {
	d.banner()
	tick := time.NewTicker(beat)
	defer tick.Stop()
	commands := readLines(d.o.In)
	told := 0
	for {
		for ; told < len(d.board.events); told++ {
			e := d.board.events[told]
			fmt.Fprintln(d.o.Out, e.at.Format("15:04:05"), e.text)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-d.ended:
			return d.failed
		case now := <-tick.C:
			told -= d.board.forget() // all of which were told
			d.look(now)
		case text, more := <-commands:
			if !more {
				commands = nil
			} else if d.obey(text) != nil {
				return nil
			}
		}
	}
}

// banner tells what is going on and what can be tried.
func (d *demo) banner() {
	b := &d.board
	w := d.o.Out
	fmt.Fprintf(w, "Meridian demo: a nameserver for %s on %s, UDP and TCP\n\n", strings.TrimSuffix(trimHost(host), "."), b.dns)
	for _, s := range b.servers {
		fmt.Fprintf(w, "  server %-8s %-9s http://%s\n", s.name, s.city, s.addr)
	}
	fmt.Fprintln(w)
	for i := range b.clients {
		c := &b.clients[i]
		fmt.Fprintf(w, "  %-13s %-16s -> %-8s %-10s TTL %d, scope /%d\n",
			c.city, c.subnet, b.nameOf(c.server), c.answer.addr, c.answer.ttl, c.answer.scope)
	}
	fmt.Fprintln(w, "\nTry in another terminal:")
	for _, t := range b.digs() {
		fmt.Fprintf(w, "  %-66s # %s\n", t[0], t[1])
	}
	fmt.Fprintln(w, "\nAnd in a browser: "+b.page)
	fmt.Fprintln(w, "\n"+geo.EmbeddedAttribution)
	fmt.Fprint(w, "\nWrite \"stop europe\" or \"start europe\" here and watch the answers move; \"quit\" or ctrl-C ends.\n\n")
}

// obey does what a line of input asks for.
func (d *demo) obey(text string) error {
	words := strings.Fields(text)
	switch {
	case len(words) == 0:
		return nil
	case len(words) == 1 && (words[0] == "quit" || words[0] == "q"):
		return errQuit
	case len(words) == 2 && (words[0] == "stop" || words[0] == "start"):
		for i, s := range d.sites {
			if s.name == words[1] {
				d.set(i, words[0] == "start")
				return nil
			}
		}
	}
	d.board.note(time.Now(), -1, "%q is not understood; write stop NAME, start NAME or quit", text)
	return nil
}

func readLines(in io.Reader) <-chan string {
	lines := make(chan string)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(in); s.Scan(); {
			lines <- s.Text()
		}
	}()
	return lines
}
