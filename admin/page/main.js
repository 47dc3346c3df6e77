// The page's loop: wait for a change, ask how everything stands, show it.

import {json, token, Refused} from './api.js';
import {$, say, show, clock, setClock, tick} from './dom.js';
import * as servers from './servers.js';
import * as tables from './tables.js';
import * as verdict from './verdict.js';
import * as explain from './explain.js';
import * as map from './map.js';

const pause = (ms) => new Promise((done) => setTimeout(done, ms));
let asOf = null; // when what is shown was true
let stamp = '';

async function refresh() {
  const begun = performance.now();
  const [status, events] = await Promise.all([json('/v1/status?targets=none'), json('/v1/history?most=40')]);
  setClock(status.now);
  asOf = new Date(status.now);
  show($('login'), false);
  show($('all'), true);
  const cost = performance.now() - begun; // of asking alone: what is drawn is bounded
  verdict.render(status);
  servers.render(status);
  tables.render(status, events);
  explain.render(status);
  linked(true);
  map.render(status).catch(() => {}); // it may take long; what is wrong comes to light here anyway
  await servers.vitals();
  return cost;
}

// changed waits for another stamp, or some seconds.
async function changed() {
  if (document.hidden) {
    await Promise.race([pause(30000), new Promise((seen) => document.addEventListener('visibilitychange', seen, {once: true}))]);
    return;
  }
  try {
    stamp = (await json(`/v1/watch?after=${stamp}`, 20000)).stamp;
  } catch (e) {
    if (e.status !== 503) throw e;
    await pause(5000); // too many wait
  }
}

async function loop() {
  for (let wait = 1000, failed = 0; ;) {
    try {
      if (stamp === '') stamp = (await json('/v1/watch')).stamp;
      const cost = await refresh();
      [wait, failed] = [1000, 0];
      const soonest = pause(Math.min(Math.max(300, 3 * cost), 5000));
      await changed();
      await soonest;
    } catch (e) {
      stamp = '';
      if (e instanceof Refused && e.status === 401) {
        await askToken();
        continue;
      }
      if (++failed > 1) linked(false, e); // one connection may be refused where many are open
      await pause(failed > 1 ? wait : 500 + 1000 * Math.random());
      wait = Math.min(wait * 1.5, 10000);
    }
  }
}

// linked tells whether what is shown is true now.
function linked(well, error) {
  document.body.className = well ? '' : 'stale';
  say($('linktext'), well ? 'live' : 'not connected');
  show($('lost'), !well);
  if (well) return;
  const why = error instanceof Refused ? `it answers ${error.status}: ${error.message}` : 'it does not answer';
  const what = asOf ? ` What stands below is as of ${clock(asOf)} and may have changed.` : '';
  say($('lost'), `No connection to the nameserver: ${why}.${what}`);
  document.title = '? Meridian';
}

// askToken returns when somebody has entered one.
function askToken() {
  say($('loginwhy'), token.get() ? 'The nameserver does not know this token.' : '');
  token.set('');
  show($('login'), true);
  show($('all'), false);
  show($('lost'), false);
  document.body.className = 'asking';
  say($('linktext'), 'a token is needed');
  $('token').focus();
  return new Promise((done) => {
    $('login').addEventListener('submit', (e) => {
      e.preventDefault();
      token.set($('token').value.replace(/[^!-~]/g, ''));
      $('token').value = '';
      show($('forget'), true);
      done();
    }, {once: true});
  });
}

$('forget').addEventListener('click', () => {
  token.set('');
  location.reload();
});
show($('forget'), token.get() !== '');

explain.start();
setInterval(tick, 1000);
setInterval(() => { if (!document.hidden && !document.body.classList.contains('stale')) servers.vitals().catch(() => {}); }, 15000);
loop();
