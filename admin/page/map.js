// The map of whom a pool serves from where. The picture is drawn by the nameserver; what is taken over of it is shapes and
// texts, element by element.

import {json, text} from './api.js';
import {$, el, svg, say, show, keyed, grouped, capital} from './dom.js';
import {icon} from './shapes.js';

const elements = ['svg', 'g', 'path', 'circle', 'text', 'title', 'desc'];
const attributes = ['class', 'd', 'cx', 'cy', 'r', 'x', 'y', 'transform', 'viewBox', 'role', 'aria-label'];
const mostSites = matchMedia('(max-width: 44rem)').matches ? 8 : 18;

const gate = globalThis.trustedTypes?.createPolicy('map', {createHTML: (s) => s});

let pools = '';
let shown = ''; // the picture
let drawn = ''; // of which pool and view
let busy = false;

export async function render(status) {
  show($('mapcard'), status.pools.length > 0);
  const names = status.pools.map((p) => p.name);
  if (pools !== names.join('\n')) {
    pools = names.join('\n');
    const chosen = $('mappool').value;
    $('mappool').replaceChildren(...names.map((n) => el('option', {}, n)));
    if (names.includes(chosen)) $('mappool').value = chosen;
  }
  await draw(String(status.generation));
}

let last = ''; // the newest view

const wanted = () => `${$('mappool').value}\n${last}`;

// draw asks for the map until it is that of the pool chosen and the newest view.
async function draw(view) {
  last = view;
  if (busy) return;
  busy = true;
  try {
    while ($('mappool').value && drawn !== wanted()) await drawOnce(wanted(), `pool=${encodeURIComponent($('mappool').value)}`);
  } finally {
    busy = false;
  }
}

async function drawOnce(key, query) {
  try {
    const [picture, coverage] = await Promise.all([text(`/v1/map?${query}&bare=1&legend=0`, 60000), json(`/v1/coverage?${query}`, 60000)]);
    if (picture !== shown) {
      shown = picture;
      const parsed = new DOMParser().parseFromString(gate ? gate.createHTML(picture) : picture, 'image/svg+xml');
      $('map').replaceChildren(taken(parsed.documentElement));
    }
    legend(coverage);
  } catch (e) {
    if (e.status === undefined) throw e;
    $('map').replaceChildren(el('p', {class: 'hint'}, e.message));
    shown = '';
  }
  drawn = key;
}

// taken copies a drawing, but for what is not on the lists.
function taken(node) {
  const copy = svg(node.localName, {});
  for (const {name, value} of node.attributes) if (attributes.includes(name)) copy.setAttribute(name, value);
  for (const kid of node.childNodes) {
    if (kid.nodeType === Node.TEXT_NODE) copy.append(kid.data);
    else if (kid.nodeType === Node.ELEMENT_NODE && elements.includes(kid.localName)) copy.append(taken(kid));
  }
  return copy;
}

// legend tells the map in words and numbers, site by site.
function legend(coverage) {
  const sites = new Map();
  for (const s of coverage.servers) {
    const g = sites.get(s.site) || {site: s.site, colour: s.colour, share: 0, way: 0, states: new Set()};
    g.share += s.share;
    g.way += s.share * (s.km || 0);
    g.states.add(s.state);
    sites.set(s.site, g);
  }
  const all = [...sites.values()].sort((a, b) => b.share - a.share);
  keyed($('legend'), all.slice(0, mostSites), (g) => `${g.site} ${g.colour}`, makeEntry, (node, g) => {
    const state = g.states.has('up') ? 'up' : g.states.has('down') ? 'down' : 'drained';
    if (node.dataset.state !== state) {
      node.dataset.state = state;
      node.querySelector('.mark').replaceChildren(icon(state), el('span', {class: 'spoken'}, state));
    }
    const way = g.share > 0 && g.way > 0 ? `, mean ${grouped(Math.round(g.way / g.share / 10) * 10)}\u00a0km` : '';
    say(node.querySelector('.hint'), `${percent(g.share)} of the land${way}`);
  });
  const rest = all.length - mostSites;
  say($('legendrest'), [rest > 0 ? `${rest} more site${rest === 1 ? '' : 's'}.` : '', ...coverage.notes.map((n) => `${capital(n)}.`)].join(' '));
}

function makeEntry(g) {
  return el('li', {}, svg('svg', {class: 'coverage swatch', viewBox: '0 0 20 14', 'aria-hidden': 'true'}, svg('g', {class: `area s${g.colour}`}, svg('path', {d: 'M0 0h20v14H0z'}))),
    el('span', {class: 'mark'}), el('strong', {}, g.site), el('span', {class: 'hint'}));
}

const percent = (share) => (share > 0 && share < 0.005 ? 'under 1 %' : `${Math.round(100 * share)} %`);

$('mappool').addEventListener('change', () => draw(last).catch(() => {}));
