// The table of servers: by site, trouble first, bounded however many there are.

import {json} from './api.js';
import {$, el, say, show, keyed, since, count, latency, local} from './dom.js';
import {icon, lookOf, spark} from './shapes.js';

const fewServers = 24; // of so many, all sites are open
const manyQuiet = 6; // more closed sites with nothing wrong stand side by side
const notable = 2; // the greatest rank of what is worth a row
const openRows = 50; // of a site at first
const mostRows = 300; // in all
const mostQuiet = 500;
const chunk = 60; // servers whose targets are asked for at once

let status = null;
const opened = new Map(); // by site, where somebody chose
const room = new Map(); // by site, rows shown
const targets = new Map(); // by server, what /v1/targets said last
let shown = []; // names of the servers in the table

export function render(now) {
  status = now;
  show($('findbox'), now.servers.length > 12);
  show($('servers'), now.servers.length > 0);
  show($('noservers'), now.servers.length === 0);
  draw();
}

// sites groups servers, those in trouble first. A server that is its own site stands alone.
function sites(list) {
  const by = new Map();
  for (const s of list) {
    s.look = lookOf(s);
    if (!by.has(s.site)) by.set(s.site, {site: s.site, servers: [], rank: 9, bad: 0});
    const g = by.get(s.site);
    g.servers.push(s);
    g.rank = Math.min(g.rank, s.look.rank);
    g.bad += s.look.rank < 2;
  }
  const groups = [...by.values()];
  for (const g of groups) {
    g.alone = g.servers.length === 1 && g.servers[0].name === g.site;
    g.servers.sort((a, b) => a.look.rank - b.look.rank);
  }
  return groups.sort((a, b) => a.rank - b.rank || b.bad - a.bad);
}

function draw() {
  const wanted = $('find').value.trim().toLowerCase();
  const fits = (s) => [s.name, s.site, s.look?.word || s.state, ...s.pools].some((t) => t.toLowerCase().includes(wanted));
  const list = wanted ? status.servers.filter(fits) : status.servers;
  const groups = sites(list);
  let left = mostRows;
  for (const g of groups) {
    g.open = g.alone || (opened.get(g.site) ?? (g.rank <= notable || list.length <= fewServers));
    const all = list.length <= fewServers || opened.get(g.site) ? openRows : Math.max(1, g.servers.filter((s) => s.look.rank <= notable).length);
    g.rows = g.open ? g.servers.slice(0, Math.max(0, Math.min(left, room.get(g.site) || all))) : [];
    left -= Math.max(1, g.rows.length);
    g.hidden = left < 0;
  }
  let quiet = groups.filter((g) => !g.open);
  if (quiet.length < manyQuiet) quiet = [];
  const visible = groups.filter((g) => !g.hidden && !quiet.includes(g));
  if (quiet.length) visible.push({site: '', quiet, rows: []});
  shown = visible.flatMap((g) => g.rows.map((s) => s.name));
  keyed($('servers'), visible, (g) => (g.quiet ? 'quiet' : (g.alone ? '1 ' : 'n ') + g.site), makeGroup, updateGroup, 1);
  tell(list, groups.length, groups.filter((g) => g.hidden && g.open).length);
}

function tell(list, sites, hidden) {
  const words = new Map();
  for (const s of list) words.set(s.look.word, (words.get(s.look.word) || 0) + 1);
  const parts = [...words].map(([w, n]) => `${n} ${w}`).join(', ');
  say($('servercount'), list.length === 0 ? '' : `${count(list.length, 'server')} in ${count(sites, 'site')}${parts ? `: ${parts}` : ''}`);
  say($('serverrest'), hidden > 0 ? `${count(hidden, 'site')} more, with nothing worse than those above; find them by name` : '');
}

// A group is a table body: a row for the site, then one for each server.

function makeGroup(g) {
  if (g.quiet) return el('tbody', {}, el('tr', {class: 'quiet'}, el('td', {colspan: 4}, el('ul', {class: 'plain'}))));
  const body = el('tbody', {'data-site': g.site});
  if (g.alone) return body;
  const button = el('button', {type: 'button', class: 'site', 'aria-expanded': 'false'},
    el('span', {class: 'turn', 'aria-hidden': 'true'}), el('strong', {}), el('span', {class: 'sum'}), el('span', {class: 'strip', 'aria-hidden': 'true'}));
  button.addEventListener('click', () => {
    opened.set(g.site, button.getAttribute('aria-expanded') !== 'true');
    draw();
    vitals().catch(() => {});
  });
  body.append(el('tr', {class: 'sitehead'}, el('th', {scope: 'rowgroup', colspan: 4}, button)));
  return body;
}

function updateGroup(body, g) {
  if (g.quiet) {
    keyed(body.querySelector('ul'), g.quiet.slice(0, mostQuiet), (q) => q.site, makeQuiet, (li, q) => updateHead(li, q));
    return;
  }
  if (!g.alone) updateHead(body.firstChild, g);
  const rest = g.open ? g.servers.length - g.rows.length : 0;
  const rows = rest > 0 ? [...g.rows, {name: '', more: rest, site: g.site}] : g.rows;
  keyed(body, rows, (s) => s.name, (s) => (s.more ? makeMore(s) : makeRow(s)), (row, s) => (s.more ? say(row.querySelector('button'), `${s.more} more`) : updateRow(row, s)), g.alone ? 0 : 1);
}

// makeQuiet is a closed site with nothing wrong.
function makeQuiet(g) {
  const button = el('button', {type: 'button', class: 'site'}, el('strong', {}), el('span', {class: 'sum'}), el('span', {class: 'strip', 'aria-hidden': 'true'}));
  button.addEventListener('click', () => {
    opened.set(g.site, true);
    draw();
    [...$('servers').tBodies].find((b) => b.dataset.site === g.site)?.querySelector('button').focus();
    vitals().catch(() => {});
  });
  return el('li', {}, button);
}

function updateHead(row, g) {
  const button = row.querySelector('button');
  const counts = new Map();
  for (const s of g.servers) {
    const c = counts.get(s.look.word) || {n: 0, look: s.look.look};
    c.n++;
    counts.set(s.look.word, c);
  }
  button.setAttribute('aria-expanded', String(g.open));
  say(button.querySelector('strong'), g.site);
  say(button.querySelector('.sum'), [...counts].map(([w, c]) => `${c.n} ${w}`).join(', '));
  const look = g.servers.slice(0, 16).map((s) => s.look.look);
  const strip = button.querySelector('.strip');
  if (strip.dataset.look !== look.join()) {
    strip.dataset.look = look.join();
    strip.replaceChildren(...look.map(icon));
  }
}

function makeMore(s) {
  const button = el('button', {type: 'button'});
  button.addEventListener('click', () => {
    room.set(s.site, (room.get(s.site) || 0) + 200);
    draw();
    vitals().catch(() => {});
  });
  return el('tr', {}, el('td', {colspan: 4}, button));
}

function makeRow() {
  return el('tr', {},
    el('td', {class: 'state'}, el('span', {class: 'mark'}), el('span', {class: 'word'})),
    el('th', {scope: 'row'}, el('span', {class: 'name'}), el('span', {class: 'in'})),
    el('td', {class: 'since'}, el('time', {class: 'age'})),
    el('td', {class: 'checks'}, el('p', {class: 'why'}), el('ul', {class: 'plain'})));
}

function updateRow(row, s) {
  const at = (name) => row.querySelector(name);
  row.className = s.look.look;
  if (row.dataset.look !== s.look.look) {
    row.dataset.look = s.look.look;
    at('.mark').replaceChildren(icon(s.look.look));
  }
  say(at('.word'), s.look.word + (s.look.checks ? ` (${s.look.checks})` : ''));
  say(at('.name'), s.name);
  say(at('.in'), s.pools.length ? `in ${s.pools.slice(0, 5).join(', ')}${s.pools.length > 5 ? ` and ${s.pools.length - 5} more` : ''}` : 'in no pool');
  since(at('time'), s.since);
  say(at('.why'), local(s.reason));
  drawTargets(at('ul'), targets.get(s.name) || [], s.reason);
}

// Targets: what is probed, how near it is to a change, and how fast it was.

function drawTargets(list, vitals, reason) {
  keyed(list, vitals, (v) => v.target.target, () => el('li', {}, el('span', {class: 'mark'}), el('span', {class: 'what'}), el('span', {class: 'counter'}), el('span', {class: 'line'}), el('span', {class: 'ms'}), el('span', {class: 'error'})),
    (node, v) => updateTarget(node, v, reason));
}

function updateTarget(node, v, reason) {
  const t = v.target, at = (name) => node.querySelector(name);
  const look = {up: 'up', down: 'down'}[t.state] || 'unknown';
  if (node.dataset.look !== look) {
    node.dataset.look = look;
    at('.mark').replaceChildren(icon(look), el('span', {class: 'spoken'}, t.state));
  }
  say(at('.what'), t.target);
  say(at('.counter'), counter(t));
  say(at('.ms'), t.state === 'up' && t.latency_ns > 0 ? latency(Math.round(t.latency_ns / 1000)) : t.state);
  say(at('.error'), t.last_error && !reason.includes(t.last_error) ? t.last_error : '');
  const key = v.latencies_us.join();
  if (node.dataset.spark !== key) {
    node.dataset.spark = key;
    at('.line').replaceChildren(spark(v.latencies_us));
  }
}

// counter tells how many results against its state a target has had in a row.
function counter(t) {
  if (t.held) return t.held;
  if (t.state === 'up') return `${t.streak}/${t.fall} failures`;
  if (t.state === 'down') return `${t.streak}/${t.rise} successes`;
  return '';
}

// vitals asks for the targets of the servers shown.
export async function vitals() {
  const names = shown;
  for (let i = 0; i < names.length; i += chunk) {
    const some = names.slice(i, i + chunk);
    const list = await json('/v1/targets?' + some.map((n) => 'server=' + encodeURIComponent(n)).join('&'));
    for (const n of some) targets.set(n, []);
    for (const v of list) targets.get(v.target.server)?.push(v);
  }
  for (const n of targets.keys()) if (!names.includes(n)) targets.delete(n);
  draw();
}

$('find').addEventListener('input', () => {
  draw();
  vitals().catch(() => {});
});
