// Everything that is a plain list: pools, orders, zones, events, the nameserver itself.

import {$, el, say, show, keyed, since, count, grouped, ago, never, clock, capital} from './dom.js';
import {icon} from './shapes.js';

const mostZones = 60;
let status = null;

export function render(now, events) {
  status = now;
  pools();
  orders();
  zones();
  self();
  keyed($('events'), events, (e) => `${e.at} ${e.what} ${e.to}`, makeEvent, (node, e) => since(node.querySelector('time'), e.at));
  show($('noevents'), events.length === 0);
  const credits = [...new Set(now.geo.map((g) => g.attribution).filter(Boolean))];
  say($('credits'), credits.join(' · '));
}

function pools() {
  const rank = (p) => ({down: 0, reduced: 1}[p.state] ?? 2);
  const list = [...status.pools].sort((a, b) => rank(a) - rank(b));
  show($('poolcard'), list.length > 0);
  keyed($('pools').tBodies[0], list, (p) => p.name,
    () => el('tr', {}, el('th', {scope: 'row', class: 'name'}), el('td', {class: 'state'}, el('span', {class: 'mark'}), el('span', {class: 'word'})), el('td', {}, el('span', {class: 'of'}), el('span', {class: 'meter', 'aria-hidden': 'true'}, el('i', {}))), el('td', {class: 'shares in'})),
    (row, p) => {
      const wanted = p.state === 'reduced' && p.up + p.drained === p.servers; // by nothing but drains
      const look = wanted ? 'drained' : {down: 'down', reduced: 'part', up: 'up'}[p.state] || 'unknown';
      say(row.querySelector('.name'), p.name);
      say(row.querySelector('.shares'), shares(p));
      if (row.dataset.look !== look) {
        row.dataset.look = row.className = look;
        row.querySelector('.mark').replaceChildren(icon(look));
      }
      say(row.querySelector('.word'), p.state);
      say(row.querySelector('.of'), `${p.up} of ${p.servers} up${p.drained ? `, ${p.drained} drained` : ''}`);
      row.querySelector('i').style.width = `${p.servers ? (100 * p.up) / p.servers : 0}%`;
    });
}

// shares tells how often which server was answered.
function shares(p) {
  const list = p.answers.filter((a) => a.answers > 0).sort((a, b) => b.share - a.share);
  if (!list.length) return 'not asked for yet';
  const rest = list.length > 5 ? ` and ${list.length - 5} more` : '';
  return `answered: ${list.slice(0, 5).map((a) => `${a.server} ${Math.round(100 * a.share)} %`).join(', ')}${rest}`;
}

function orders() {
  show($('ordercard'), status.orders.length + status.servers.length > 0);
  show($('noorders'), status.orders.length === 0);
  keyed($('orders'), status.orders, (o) => o.id, () => el('li', {}, el('span', {class: 'mark'}), el('strong', {}), el('span', {class: 'why'}), el('span', {class: 'hint'}), el('code', {})),
    (node, o) => {
      const drain = o.kind === 'drain';
      const look = drain ? 'drained' : 'note';
      if (node.dataset.look !== look) {
        node.dataset.look = look;
        node.querySelector('.mark').replaceChildren(icon(look));
      }
      const verb = drain ? 'drained' : `forced ${o.kind}`;
      say(node.querySelector('strong'), `${o.server}${o.pool ? ` in ${o.pool}` : ''} ${o.planned ? `to be ${verb}` : verb}`);
      say(node.querySelector('.why'), o.reason);
      const from = `${o.planned ? 'from' : 'since'} ${clock(new Date(o.from))}`;
      const until = never(o.until) ? 'until it is released' : `until ${clock(new Date(o.until))}`;
      say(node.querySelector('.hint'), `by ${o.who || o.by}, ${from}, ${until}`);
      say(node.querySelector('code'), `meridian undrain --id ${o.id}`);
    });
}

function zones() {
  const wanted = $('findzone').value.trim().toLowerCase();
  const rank = (z) => (z.state === 'failed' ? 0 : z.problem ? 1 : z.state === 'loading' ? 2 : 3);
  const fit = status.zones.filter((z) => z.name.includes(wanted));
  const list = fit.sort((a, b) => rank(a) - rank(b)).slice(0, mostZones);
  show($('findzonebox'), status.zones.length > 12);
  show($('zones'), status.zones.length > 0);
  show($('nozones'), status.zones.length === 0);
  say($('zonecount'), status.zones.length === 0 ? '' : count(fit.length, 'zone') + (fit.length > list.length ? `, ${list.length} shown` : ''));
  keyed($('zones').tBodies[0], list, (z) => z.name,
    () => el('tr', {}, el('td', {class: 'state'}, el('span', {class: 'mark'}), el('span', {class: 'word'})), el('th', {scope: 'row'}, el('span', {class: 'name'}), el('span', {class: 'error'})), el('td', {class: 'serial num'}), el('td', {class: 'names num'}), el('td', {class: 'signed'})),
    (row, z) => {
      const look = z.state === 'failed' ? 'down' : z.problem ? 'part' : z.state === 'serving' ? 'up' : 'unknown';
      if (row.dataset.look !== look) {
        row.dataset.look = row.className = look;
        row.querySelector('.mark').replaceChildren(icon(look));
      }
      say(row.querySelector('.word'), z.problem && z.state === 'serving' ? 'old version' : z.state);
      say(row.querySelector('.name'), z.name.length > 1 ? z.name.replace(/\.$/, '') : z.name);
      say(row.querySelector('.error'), z.problem);
      say(row.querySelector('.serial'), z.state === 'serving' ? String(z.serial) : '');
      say(row.querySelector('.names'), z.state === 'serving' ? count(z.names, 'name') : '');
      say(row.querySelector('.signed'), z.state === 'serving' ? (z.signed ? 'signed' : 'not signed') : '');
    });
}

function self() {
  const s = status, up = Date.parse(s.now) - Date.parse(s.started);
  const rows = s.alarms.map((a) => [capital(a.key), `${a.text.split('\n')[0]}, for ${ago(Date.parse(s.now) - Date.parse(a.since))}`, 'alarm']);
  rows.push(['Version', `${s.version}, process ${s.pid}`], ['Running for', ago(up)], ['View', `generation ${grouped(s.generation)}`]);
  rows.push(['Answers on', s.listen.join(', ')], ['Queries', grouped(s.dns.udp_queries + s.dns.tcp_queries)]);
  rows.push(['Probes', `${grouped(s.probes.probes)}, ${grouped(s.probes.failures)} failed`]);
  if (!never(s.reload.at)) rows.push(['Last reload', `${clock(new Date(s.reload.at))}, ${s.reload.errors.length ? 'refused' : 'well'}`]);
  s.geo.forEach((g, i) => rows.push([s.geo.length > 1 ? `Geo data ${i + 1}` : 'Geo data', geo(g)]));
  rows.push(['Refused here', `${grouped(s.api.refused)} of ${grouped(s.api.requests + s.api.refused)} requests`]);
  keyed($('self'), rows, (r) => r[0], (r) => el('div', {class: r[2]}, el('dt', {}, r[0]), el('dd', {})), (node, r) => say(node.lastChild, r[1]));
}

function geo(g) {
  const name = g.file ? g.file.split('/').pop() : 'built in';
  if (never(g.built)) return name;
  return `${name}, of ${g.built.slice(0, 10)}, ${ago(Date.parse(status.now) - Date.parse(g.built))} old`;
}

const changed = (e) => (e.what.startsWith('order ') ? `${e.from === 'drain' ? '' : 'forced '}${e.from} ${e.to}` : `${e.from} → ${e.to}`);

function makeEvent(e) {
  const look = {up: 'up', down: 'down', begun: 'drained', planned: 'drained'}[e.to] || 'unknown';
  return el('li', {}, icon(look), el('time', {class: 'age'}), el('strong', {}, e.server || e.what),
    el('span', {}, changed(e)), el('span', {class: 'hint'}, e.server ? e.what : ''), el('span', {class: 'why'}, e.reason));
}

$('findzone').addEventListener('input', zones);
