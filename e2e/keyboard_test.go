package e2e

import (
	"strings"
	"testing"
)

// press sends a key to the page, with the text that it types if any.
func (p *tab) press(key, text string, code int) {
	p.t.Helper()
	down := object{"type": "keyDown", "key": key, "code": key, "windowsVirtualKeyCode": code}
	if text != "" {
		down["text"] = text
	}
	p.do("Input.dispatchKeyEvent", down, nil)
	p.do("Input.dispatchKeyEvent", object{"type": "keyUp", "key": key, "code": key, "windowsVirtualKeyCode": code}, nil)
}

func (p *tab) pressTab()   { p.press("Tab", "", 9) }
func (p *tab) pressEnter() { p.press("Enter", "\r", 13) }

// focused tells where the keyboard is: the element's id or text. It is a complaint where a person would not see that:
// outside of the window, without an outline, or covered.
const focused = `(() => {
  const e = document.activeElement;
  if (!e || e === document.body) return '';
  const box = e.getBoundingClientRect(), style = getComputedStyle(e);
  const at = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
  const name = e.id || e.textContent.trim();
  if (box.width === 0 || box.bottom < 0 || box.top > innerHeight || box.right < 0 || box.left > innerWidth) return name + ' is out of sight';
  if (style.outlineStyle === 'none' || parseFloat(style.outlineWidth) < 2) return name + ' has no outline';
  if (!at || !e.contains(at) && !at.contains(e)) return name + ' is covered';
  return name;
})()`

// tabTo presses Tab until an element has the keyboard, and returns what had it on the way.
func (p *tab) tabTo(name string) (way []string) {
	p.t.Helper()
	for range 60 {
		p.pressTab()
		at := p.eval(focused)
		if at == name {
			return way
		}
		way = append(way, at)
	}
	p.t.Fatalf("Tab never comes to %s: %q", name, way)
	return nil
}

// testKeyboard reads and asks without a mouse: every stop can be seen, they come in the order of the page, and nothing holds
// the keyboard fast.
func testKeyboard(t *testing.T, b *browser) {
	f := openFleet(t, smallFleet, map[string]string{"example.com.zone": fleetZone})
	f.serve()
	for _, width := range []int{390, 1280} {
		p := b.open(t, width)
		p.visit(f.url + "/")
		p.await("all well", sentence+`.startsWith('All is well')`)
		p.await("the map", `document.querySelectorAll('#map .area path').length > 100`)
		p.do("Page.bringToFront", object{}, nil)

		p.pressTab()
		if got := p.eval(focused); got != "Skip to the status" {
			t.Errorf("at %d pixels the first stop is %q", width, got)
		}
		p.pressEnter()
		if got := p.eval(`document.activeElement.id`); got != "main" {
			t.Errorf("at %d pixels the first link leads to %q", width, got)
		}
		way := append(p.tabTo("xname"), "xname")
		if way[0] != "mappool" {
			t.Errorf("at %d pixels the first stop of the status is %q", width, way[0])
		}
		p.do("Input.insertText", object{"text": "www.example.com"}, nil)
		way = append(way, append(p.tabTo("xclient"), "xclient")...)
		p.do("Input.insertText", object{"text": "1.1.1.0/24"}, nil)
		p.pressEnter()
		p.await("an explanation", `!!document.getElementById('explaintext')`)
		if got := p.eval(`document.getElementById('explaintext').textContent`); !strings.Contains(got, "127.9.2.1") {
			t.Errorf("at %d pixels Enter explains\n%s", width, got)
		}
		way = append(way, append(p.tabTo("As the command line says it"), "summary")...)
		p.pressEnter()
		p.await("the opened text", `document.querySelector('#explained details').open`)
		way = append(way, append(p.tabTo("explaintext"), "explaintext")...)
		for _, stop := range way {
			if strings.Contains(stop, " is ") || strings.Contains(stop, " has ") {
				t.Errorf("at %d pixels %s", width, stop)
			}
		}
		t.Logf("at %d pixels: %q", width, way)
		p.clean(f.url)
	}
}

// testCalm holds that nothing moves for whom asked for that, and that states show where the reader's colours replace ours.
func testCalm(t *testing.T, b *browser) {
	f := openFleet(t, smallFleet, map[string]string{"example.com.zone": fleetZone})
	f.serve()
	p := b.open(t, 1280)
	p.do("Emulation.setEmulatedMedia", object{"features": []object{{"name": "prefers-reduced-motion", "value": "reduce"}, {"name": "forced-colors", "value": "active"}}}, nil)
	p.visit(f.url + "/")
	p.await("all well", sentence+`.startsWith('All is well')`)
	const moving = `[...document.querySelectorAll('*')].filter((e) => { const s = getComputedStyle(e);
  return s.animationName !== 'none' || s.transitionDuration.split(',').some((d) => parseFloat(d) > 0) }).length`
	if got := p.eval(moving); got != "0" {
		t.Errorf("%s elements move", got)
	}
	const bare = `[...document.querySelectorAll('#verdict, .card')].filter((e) => !e.hidden && getComputedStyle(e).borderStyle === 'none').length`
	if got := p.eval(bare); got != "0" {
		t.Errorf("%s parts of the page have no border where colours are forced", got)
	}
	if got := p.eval(`matchMedia('(prefers-reduced-motion: reduce)').matches && matchMedia('(forced-colors: active)').matches`); got != "true" {
		t.Error("the browser does not emulate it")
	}
}
