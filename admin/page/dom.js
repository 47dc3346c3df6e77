// Small tools for making and changing elements. Whatever comes from the nameserver becomes text, never markup.

const svgNS = 'http://www.w3.org/2000/svg';

export const $ = (id) => document.getElementById(id);

// Tables that are laid out as something else keep their meaning by these.
const roles = {tr: 'row', td: 'cell', tbody: 'rowgroup'};

// el makes an element: el('td', {class: 'x'}, 'text', child).
export function el(tag, attrs, ...kids) {
  const role = tag === 'th' ? (attrs.scope === 'col' ? 'columnheader' : 'rowheader') : roles[tag];
  return fill(document.createElement(tag), role ? {role, ...attrs} : attrs, kids);
}

// svg makes an element of a drawing.
export function svg(tag, attrs, ...kids) {
  return fill(document.createElementNS(svgNS, tag), attrs, kids);
}

function fill(node, attrs, kids) {
  for (const [k, v] of Object.entries(attrs || {})) {
    if (v === true) node.setAttribute(k, '');
    else if (v !== false && v !== null && v !== undefined) node.setAttribute(k, v);
  }
  node.append(...kids.filter((k) => k !== null && k !== undefined && k !== ''));
  return node;
}

// say sets a text if it is another: what stays is not announced again.
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function show(node, visible) {
  if (node.hidden === visible) node.hidden = !visible;
}

const kept = new WeakMap(); // of a parent, its children by key

// keyed makes the children of parent behind its first skip ones those of items: one each, made once and updated from then
// on, so that focus, selection and open parts stay.
export function keyed(parent, items, keyOf, make, update, skip = 0) {
  const old = kept.get(parent) || new Map();
  const now = new Map();
  const focus = document.activeElement;
  let at = skip;
  for (const item of items) {
    const key = keyOf(item);
    if (now.has(key)) continue;
    const node = old.get(key) || make(item);
    old.delete(key);
    now.set(key, node);
    if (update) update(node, item);
    if (parent.children[at] !== node) parent.insertBefore(node, parent.children[at] || null);
    at++;
  }
  for (const node of old.values()) node.remove();
  kept.set(parent, now);
  if (focus && focus !== document.activeElement && focus.isConnected) focus.focus({preventScroll: true});
}

export const capital = (s) => s.charAt(0).toUpperCase() + s.slice(1);

export const count = (n, noun) => `${grouped(n)} ${noun}${n === 1 ? '' : 's'}`;

export const grouped = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, '\u202f');

// ago is a length of time in its greatest unit or two.
export function ago(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  const d = Math.floor(s / 86400), h = Math.floor(s / 3600) % 24, m = Math.floor(s / 60) % 60;
  if (d >= 10) return `${d} d`;
  if (d > 0) return `${d} d ${h} h`;
  if (h > 0) return `${h} h ${m} min`;
  return m > 0 ? `${m} min` : `${s} s`;
}

export function latency(us) {
  if (us < 1000) return `${us} µs`;
  if (us < 10000) return `${(us / 1000).toFixed(1)} ms`;
  return us < 10e6 ? `${Math.round(us / 1000)} ms` : `${Math.round(us / 1e6)} s`;
}

// local puts the times within a text as the clock of this screen has them.
export const local = (text) => text.replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, (at) => clock(new Date(at)));

// aged gives a text as parts, with lengths of time, which tick, for the times that it has of something's beginning.
export const aged = (text) => text.split(/since (\d{4}-\S+Z)/).flatMap((part, i) => {
  if (i % 2 === 0) return [local(part)];
  const node = el('time', {class: 'age'});
  since(node, part);
  return ['for ', node];
});

export const never = (t) => !t || t.startsWith('0001-');

const two = (n) => String(n).padStart(2, '0');

// clock is a time of day, with its date unless that is today's.
export function clock(date) {
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  if (date.toDateString() === new Date().toDateString()) return time;
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${time}`;
}

let skew = 0; // the nameserver's clock less ours, ms

export function setClock(now) { skew = Date.parse(now) - Date.now(); }

// since makes a <time> that tells how long ago something was.
export function since(node, at) {
  if (never(at)) {
    say(node, '');
    return;
  }
  node.setAttribute('datetime', at);
  node.title = clock(new Date(at));
  say(node, ago(Date.now() + skew - Date.parse(at)));
}

// tick brings all ages up to date.
export function tick() {
  for (const node of document.querySelectorAll('time.age')) since(node, node.getAttribute('datetime'));
}
