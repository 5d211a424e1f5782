// SPDX-License-Identifier: Apache-2.0
// tokenbridge list and list --watch as processes: what is printed as tokens come and go, how soon, and how it ends.
// How soon is printed; on a busy machine only the order is certain.
import assert from 'node:assert/strict';
import {spawn, spawnSync} from 'node:child_process';
import {writeFileSync} from 'node:fs';
import {after, test} from 'node:test';
import {Stage, cliProgram, makeLab, ms, tokenModule, until, within, wrapperModule} from '../host/host.mjs';

const lab = makeLab('--only', 'p256');
after(() => lab.remove());

/** A running "tokenbridge list --watch"; its lines are in `lines` as they come. The stage ends it. */
function follow(stage, ...options) {
  const child = spawn(cliProgram, ['list', '--watch', ...options], {env: stage.env, stdio: ['ignore', 'pipe', 'pipe']});
  const follower = {process: child, lines: [], rest: ''};
  child.stderr.resume();
  child.stdout.on('data', chunk => {
    const parts = (follower.rest + chunk).split('\n');
    follower.rest = parts.pop();
    follower.lines.push(...parts);
  });
  follower.exit = new Promise(resolve => child.on('exit', (code, signal) => {
    follower.ended = true;
    resolve({code, signal});
  }));
  stage.hosts.push(follower);
  return follower;
}

const ended = follower => within(5000, 'its end', follower.exit);

test('--watch --json: the state, then each change, an object a line', async t => {
  const stage = new Stage(t, {lab, modules: {token: tokenModule}});
  stage.putTokens(null);
  const follower = follow(stage, '--json');
  const event = (name, count = 1) => until(name, () => {
    const all = follower.lines.map(line => JSON.parse(line)).filter(one => one.event === name);
    return all.length >= count && all.at(-1);
  });
  const state = await event('state');
  assert.deepEqual(state.modules.map(module => [module.name, module.state, module.tokens]), [['token', 'ok', []]]);
  assert.match(state.readers.service, /^(ok|missing)$/);
  const figures = {inserted: [], removed: []};
  for (let round = 1; round <= 4; round++) {
    for (const name of ['inserted', 'removed']) {
      const begin = performance.now();
      stage.putTokens(name === 'inserted' ? stage.tokenOf(['p256']) : null);
      const {module, token, time} = await event(name, round);
      figures[name].push(Math.round(performance.now() - begin));
      assert.deepEqual([module, token.label, token.serial, token.certificates.length], ['token', 'Test token', '0001', 2]);
      assert.ok(Math.abs(Date.parse(time) - Date.now()) < ms(10_000), time);
    }
  }
  t.diagnostic(`test token: inserted ${figures.inserted.join(', ')} ms, removed ${figures.removed.join(', ')} ms`);
  // A change of what the token says, and only of that one.
  stage.putTokens(stage.tokenOf(['p256']));
  await event('inserted', 5);
  stage.putTokens(stage.tokenOf(['p256'], {flags_on: ['CKF_USER_PIN_FINAL_TRY']}));
  assert.equal((await event('changed')).token.pin.state, 'final_try');
  follower.process.kill('SIGINT');
  assert.deepEqual(await ended(follower), {code: 0, signal: null});
  assert.equal(follower.lines.length, 11);
});

test('--watch on SoftHSM', async t => {
  const stage = new Stage(t, {lab});
  const follower = follow(stage, '--json');
  await until('the state', () => follower.lines.length === 1);
  const figures = [];
  for (let round = 1; round <= 3; round++) {
    let begin = performance.now();
    stage.insert('default');
    await until('insertion', () => follower.lines.length === 2 * round);
    figures.push(Math.round(performance.now() - begin));
    begin = performance.now();
    stage.takeTokenOut();
    await until('removal', () => follower.lines.length === 2 * round + 1);
    figures.push(Math.round(performance.now() - begin));
  }
  t.diagnostic(`SoftHSM: in and out, ${figures.join(', ')} ms`);
  assert.deepEqual(follower.lines.map(line => JSON.parse(line).event),
    ['state', 'inserted', 'removed', 'inserted', 'removed', 'inserted', 'removed']);
});

test('--watch for people: a line with the time', async t => {
  const stage = new Stage(t, {lab, modules: {token: tokenModule}});
  stage.putTokens(null);
  const follower = follow(stage);
  await until('the state', () => follower.lines.some(line => line.includes('no token')));
  stage.putTokens(stage.tokenOf(['p256']));
  await until('the line', () => follower.lines.some(line =>
    /^\d\d:\d\d:\d\d {2}inserted: token "Test token" in Reader 1, serial 0001, 2 certificates \(token\)$/.test(line)));
  stage.putTokens(null);
  await until('the line', () => follower.lines.some(line => /^\d\d:\d\d:\d\d {2}removed: token "Test token"/.test(line)));
  follower.process.kill('SIGTERM');
  assert.deepEqual(await ended(follower), {code: 0, signal: null});
});

test('--watch ends when nobody reads it, though nothing changes', async t => {
  const stage = new Stage(t, {lab, modules: {token: tokenModule}});
  stage.putTokens(null);
  const follower = follow(stage, '--json');
  await until('the state', () => follower.lines.length === 1);
  follower.process.stdout.destroy();
  assert.deepEqual(await ended(follower), {code: 0, signal: null});
});

test('--watch says that a module fails, and that it is well again; the other one\'s tokens are followed meanwhile', async t => {
  const stage = new Stage(t, {lab, modules: {bad: wrapperModule, token: tokenModule}});
  stage.putTokens(null);
  const follower = follow(stage, '--json');
  const events = () => follower.lines.map(line => JSON.parse(line));
  await until('the state', () => follower.lines.length === 1);
  writeFileSync(stage.script, '[do]\nC_GetSlotList=0x5\n');
  await until('the failure', () => events().some(one => one.event === 'module' && one.module === 'bad' && one.state === 'module_failed' && one.message));
  stage.putTokens(stage.tokenOf(['p256']));
  await until('the token', () => events().some(one => one.event === 'inserted' && one.module === 'token'));
  writeFileSync(stage.script, '');
  await until('its recovery', () => events().some(one => one.event === 'module' && one.module === 'bad' && one.state === 'ok'));
});

test('list: a token that cannot be read, one that hides its certificates, and --json', async t => {
  const stage = new Stage(t, {lab, modules: {token: tokenModule}});
  const run = (...options) => spawnSync(cliProgram, ['list', ...options], {env: stage.env, encoding: 'utf8'});
  stage.putScript({slots: [{id: 1, token: stage.tokenOf(['p256'])}, {id: 2, token: stage.tokenOf(['p256'], {hide: true, serial: '2'})}],
    faults: [{call: 'C_OpenSession', slot: 1, rv: 'CKR_DEVICE_ERROR'}]});
  const {stdout, status} = run();
  assert.equal(status, 0);
  assert.match(stdout, /serial 0001\n {4}.*CKR_DEVICE_ERROR/);
  assert.match(stdout, /serial 2\n {4}no certificate shows without the PIN\n/);
  const listed = JSON.parse(run('--json').stdout);
  assert.deepEqual(Object.keys(listed).sort(), ['modules', 'readers']);
  assert.deepEqual(listed.modules[0].tokens.map(token => token.hidden), [false, true]);
});
