// The explain box: draws the lines of /v1/explain, which are those of "meridian explain".

import {json} from './api.js';
import {$, el, grouped, aged} from './dom.js';
import {icon} from './shapes.js';

const column = 9; // characters of a line's label

// parse gives [{label, texts}] of lines; a line without a label goes on with the one before it.
export function parse(lines) {
  const steps = [];
  for (const line of lines) {
    const label = line.slice(0, column).trim();
    const known = /^(pool|health|server|client|place|rule|tier \d+|fallback|serves|answer|scope|ttl)$/.test(label);
    const last = steps[steps.length - 1];
    if (known && !(last && last.label === label)) steps.push({label, texts: [line.slice(column)]});
    else if (known || (label === '' && last)) last.texts.push(line.slice(column));
    else steps.push({label: '', texts: [line]});
  }
  return steps;
}

// server takes a line of a tier apart.
function server(text) {
  const m = /^([* ]) (\S+) +(?:([\d.]+ km) )? *(.*)$/.exec(text);
  return m && {picked: m[1] === '*', name: m[2], far: m[3] || '', state: m[4]};
}

const titles = {
  pool: 'Pool', health: 'Health', client: 'Client', place: 'Place', rule: 'Rule', serves: 'Serves', answer: 'Answer',
  scope: 'Scope', ttl: 'TTL', server: 'Server', fallback: 'Fallback', '': 'Name',
};

const isTier = (label) => /^(tier|fallback|server)/.test(label);

// draw makes the decision a list, from the client to the answer.
export function draw(lines) {
  const steps = parse(lines);
  const serving = /^(tier \d+)/.exec(steps.find((s) => s.label === 'serves')?.texts[0] || '')?.[1];
  const list = el('ol', {class: 'decision'});
  for (const s of steps) {
    const serves = s.label === serving || (s.label === 'fallback' && s.texts.some((t) => t.startsWith('*')));
    const kind = isTier(s.label) ? `tier${serves ? ' serving' : ''}` : s.label;
    list.append(el('li', {class: kind}, el('h3', {}, titles[s.label] || s.label.replace('t', 'T')),
      isTier(s.label) ? el('ul', {class: 'plain'}, ...s.texts.map(chip)) : el('div', {}, ...s.texts.map((t) => el('p', {}, t)))));
  }
  return list;
}

function chip(text) {
  const s = server(text);
  if (!s) return el('li', {class: 'rest'}, text.trim());
  const look = /^drained/.test(s.state) ? 'drained' : /\bup\b/.test(s.state) ? 'up' : /\bdown\b/.test(s.state) ? 'down' : 'unknown';
  return el('li', {class: s.picked ? 'picked' : ''}, icon(look), el('strong', {}, s.name), el('span', {class: 'far'}, s.far.replace(/^\d+/, grouped)),
    el('span', {class: 'hint', title: s.state}, ...aged(s.state)), s.picked ? el('span', {class: 'star'}, 'in the answer') : null);
}

let asked = null; // what somebody wants explained, and what was said
let view = 0; // the newest

async function ask(name, type, client) {
  const mine = asked = {name, type, client, view, said: ''};
  await answer(mine);
}

// answer says it unless that is what was said last.
async function answer(q) {
  const out = $('explained');
  try {
    const x = await json(`/v1/explain?name=${encodeURIComponent(q.name)}&type=${q.type}&client=${encodeURIComponent(q.client)}`);
    const said = x.lines.join('\n');
    if (q !== asked || q.said === said) return;
    q.said = said;
    const open = out.querySelector('details')?.open;
    const focus = out.contains(document.activeElement) && document.activeElement.tagName;
    out.replaceChildren(draw(x.lines), el('details', {open}, el('summary', {}, 'As the command line says it'),
      el('p', {}, el('code', {}, `meridian explain ${q.name} ${q.type} --client ${q.client}`)),
      el('pre', {id: 'explaintext', tabindex: 0}, said)));
    if (focus) out.querySelector(focus)?.focus({preventScroll: true});
  } catch (e) {
    if (q !== asked || q.said !== '' && e.status === undefined) return; // the page says that there is no connection
    q.said = '';
    out.replaceChildren(el('p', {class: 'error', role: 'alert'}, e.message));
  }
}

// render has what is explained follow the view.
export function render(status) {
  view = status.generation;
  if (!asked || asked.view === view) return;
  asked.view = view;
  answer(asked);
}

export function start() {
  $('explain').addEventListener('submit', (e) => {
    e.preventDefault();
    ask($('xname').value.trim(), $('xtype').value, $('xclient').value.trim());
  });
}
