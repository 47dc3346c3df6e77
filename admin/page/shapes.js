// States as shape, colour and word, and latencies as lines.

import {svg, latency} from './dom.js';

const shapes = {
  up: 'M7 1a6 6 0 1 0 0 12A6 6 0 1 0 7 1z',
  down: 'M2.5 0.5 7 5l4.5-4.5 2 2L9 7l4.5 4.5-2 2L7 9l-4.5 4.5-2-2L5 7 0.5 2.5z',
  part: 'M7 1a6 6 0 1 0 0 12A6 6 0 1 0 7 1zm0 2v8a4 4 0 1 1 0-8z',
  drained: 'M1 5h12v4H1z',
  unknown: 'M7 1a6 6 0 1 0 0 12A6 6 0 1 0 7 1zm0 2a4 4 0 1 1 0 8 4 4 0 1 1 0-8z',
  note: 'M7 0l7 7-7 7-7-7z',
};

// icon draws a state; the word stands beside it.
export function icon(look) {
  return svg('svg', {class: `icon ${look}`, viewBox: '0 0 14 14', width: 14, height: 14, 'aria-hidden': 'true', focusable: 'false'},
    svg('path', {d: shapes[look] || shapes.note, 'fill-rule': 'evenodd'}));
}

// lookOf gives a server's shape, its word and its rank: trouble first.
export function lookOf(s) {
  const word = {part: 'partly up', unchecked: 'no check', unused: 'in no pool', unknown: 'not known yet'}[s.state] || s.state;
  if (s.order) {
    const look = s.order.includes('drained') ? 'drained' : 'note';
    return {look, word: s.order, checks: word, rank: 2};
  }
  const rank = {down: 0, part: 1, unknown: 3}[s.state] ?? 4;
  const look = {down: 'down', part: 'part', up: 'up'}[s.state] || 'unknown';
  return {look, word, checks: '', rank};
}

const wide = 180, high = 26;

// spark draws the latencies of the last three hours, the newest at the right; red marks minutes with failures.
export function spark(list) {
  const good = list.filter((v) => v > 0).sort((a, b) => a - b);
  const top = good.length ? Math.max(good[Math.floor((good.length - 1) * 0.98)] * 1.15, 100) : 1;
  const x = (i) => wide - list.length + i + 0.5;
  const y = (v) => high - 2 - Math.min(v / top, 1) * (high - 5);
  const bad = [], runs = [];
  let run = [];
  list.forEach((v, i) => {
    if (v < 0) bad.push(`M${x(i)} 1V${high - 1}`);
    if (v > 0) run.push([x(i), y(v)]);
    else if (v < 0 && run.length) { runs.push(run); run = []; }
  });
  if (run.length) runs.push(run);
  const line = runs.map((r) => (r.length === 1 ? `M${r[0][0] - 3} ${r[0][1].toFixed(1)}h3` : 'M' + r.map((p) => `${p[0]} ${p[1].toFixed(1)}`).join('L'))).join('');
  return svg('svg', {class: 'spark', viewBox: `0 0 ${wide} ${high}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': inWords(good, bad.length)},
    svg('path', {class: 'ground', d: `M0 ${high - 1.5}H${wide}`}),
    bad.length ? svg('path', {class: 'bad', d: bad.join('')}) : null,
    line ? svg('path', {class: 'line', d: line}) : null);
}

function inWords(good, bad) {
  if (!good.length && !bad) return 'no latency known yet';
  const range = good.length ? `latency ${latency(good[0])} to ${latency(good[good.length - 1])}` : 'no latency known';
  return `${range}${bad ? `, failures in ${bad} minute${bad === 1 ? '' : 's'}` : ''} of the last 3 hours`;
}
