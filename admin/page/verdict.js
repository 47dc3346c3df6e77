// The sentence that says what is wrong.

import {$, el, say, keyed, capital} from './dom.js';
import {icon} from './shapes.js';

const looks = {bad: 'down', warn: 'part', note: 'drained', well: 'up'};
const marks = {bad: '✖ ', warn: '! ', note: '', well: ''};

export function render(status) {
  const v = status.verdict;
  const first = v.findings.length ? capital(v.findings[0].text) : v.text;
  $('verdict').className = v.level;
  if ($('sentence').dataset.text !== first) {
    $('sentence').dataset.text = first;
    $('sentence').replaceChildren(icon(looks[v.level]), el('span', {}, first));
  }
  keyed($('more'), v.findings.slice(1), (f) => f.text, (f) => el('li', {class: f.level}, icon(looks[f.level]), el('span', {}, f.text)));
  document.title = `${marks[v.level]}${first} – Meridian`;
  say($('about'), `${status.version} · ${status.listen.slice(0, 2).join(', ')}`);
}
