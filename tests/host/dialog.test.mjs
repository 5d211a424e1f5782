// SPDX-License-Identifier: Apache-2.0
// What happens to an open dialog: a second request, the page's or the user's cancel, the browser's end, a
// token that comes or goes, wrong PINs, a prompt or pinentry that is missing or dies, and the clock.
import assert from 'node:assert/strict';
import {after, test} from 'node:test';
import {verifyToken} from '../demo-site/verify.mjs';
import {Stage, allGone, makeLab, ms, nonce, origin, reasonOf, until, wrapperModule} from './host.mjs';
import {writeFileSync} from 'node:fs';

const lab = makeLab();
after(() => lab.remove());

const ask = () => ({origin, nonce: nonce()});

function assertToken(token, value) {
  const verdict = verifyToken(token, {origin, nonce: value, anchors: lab.anchors});
  assert.ok(verdict.ok, JSON.stringify(verdict.checks));
}

async function assertWorks(host) {
  const value = nonce();
  assertToken(await host.result('authenticate', {origin, nonce: value}), value);
}

/** Stages of a request: what brings it there, and how it is seen that it is there. */
const stages = {
  'looking for a token': {
    setup: {}, reached: stage => stage.recorded().some(line => line.startsWith('CONFIRM --one-button')),
  },
  'choosing': {
    setup: {token: 'many', pinentry: '--hang-at CONFIRM'}, reached: stage => stage.recorded().includes('CONFIRM'),
  },
  'typing the PIN': {
    setup: {token: 'default', pinentry: '--hang-at GETPIN'}, reached: stage => stage.recorded().includes('GETPIN'),
  },
  'signing': {
    setup: {token: 'default', modules: {wrapper: wrapperModule}, script: '[do]\nC_Sign-hang=true\n'},
    reached: stage => stage.calls('C_Sign').includes('C_Sign'),
  },
  'starting': {setup: {token: 'default', pinentry: '--hang-at GETPIN'}, reached: () => true},
};

/** A host with a request at a stage; the reply is still to come. */
async function bringTo(t, name) {
  const {setup, reached} = stages[name];
  const stage = new Stage(t, {lab, ...setup});
  if (setup.script) writeFileSync(stage.script, setup.script);
  const host = stage.host();
  await host.result('status'); // it runs
  const reply = host.request('authenticate', ask());
  await until(name, () => reached(stage));
  return {stage, host, reply, children: host.descendants()};
}

/** Makes the stage one on which a request succeeds. */
function repair(stage) {
  writeFileSync(stage.script, '');
  stage.takeTokenOut();
  stage.insert('default');
  stage.tellPinentry('');
}

const isDialog = one => one.name.startsWith('tokenbridge-pro') || one.name.startsWith('pinentry');

for (const name of Object.keys(stages)) {
  test(`cancel by the page: ${name}`, async t => {
    const {stage, host, reply, children} = await bringTo(t, name);
    const start = performance.now();
    const cancelled = await host.request('cancel', {id: reply.id});
    assert.deepEqual(cancelled.result, {cancelled: true});
    const answer = await reply;
    assert.equal(reasonOf(answer), 'aborted');
    assert.equal(answer.error.code, -32_013);
    assert.ok(performance.now() - start < ms(250));
    await allGone(children.filter(isDialog), 300);
    assert.deepEqual((await host.request('cancel', {id: reply.id})).result, {cancelled: false});
    repair(stage);
    await assertWorks(host);
  });

  test(`end of input: ${name}`, async t => {
    const {stage, host} = await bringTo(t, name);
    const {code, signal, took} = await host.end();
    assert.deepEqual({code, signal}, {code: 0, signal: null});
    assert.ok(took < ms(200), `${took} ms`);
    await stage.nothingLeft(200);
  });
}

for (const signal of ['SIGTERM', 'SIGINT']) {
  test(`${signal} to the host`, async t => {
    const {stage, host} = await bringTo(t, 'typing the PIN');
    host.process.kill(signal);
    await host.exit;
    await stage.nothingLeft(300);
  });
}

test('the user cancels: only that is user_cancelled', async t => {
  for (const [at, token, problem] of [['GETPIN', 'default', undefined], ['CONFIRM', 'many', undefined], ['WAIT', undefined, 'token_missing']]) {
    const stage = new Stage(t, {lab, token, pinentry: `--cancel-at ${at}`});
    const host = stage.host();
    const reply = await host.request('authenticate', ask());
    assert.equal(reasonOf(reply), 'user_cancelled', at);
    assert.equal(reply.error.code, -32_001);
    assert.equal(reply.error.data.problem, problem, at);
    await until('the end of the dialog', () => !host.descendants().some(one => isDialog(one) && one.state !== 'Z'));
    repair(stage);
    await assertWorks(host);
  }
});

test('one dialog at a time, whichever host has it', async t => {
  const {stage, host, reply} = await bringTo(t, 'typing the PIN');
  const other = stage.host();
  for (const one of [host, other]) {
    for (const [method, params] of [['authenticate', ask()], ['getSigningCertificate', {origin}]]) {
      const start = performance.now();
      const refused = await one.request(method, params);
      assert.equal(reasonOf(refused), 'busy');
      assert.equal(refused.error.code, -32_012);
      assert.ok(performance.now() - start < ms(250));
    }
    assert.ok((await one.request('status')).result);
    assert.equal((await one.result('listTokens')).modules[0].state, 'ok');
  }
  await host.request('cancel', {id: reply.id});
  repair(stage);
  await assertWorks(other);
  await assertWorks(host);
});

test('two at once: one dialog, one busy', async t => {
  const stage = new Stage(t, {lab, token: 'default', pinentry: '--delay 200'});
  const hosts = [stage.host(), stage.host(), stage.host()];
  const replies = await Promise.all(hosts.map(host => host.request('authenticate', ask())));
  assert.equal(replies.filter(reply => reply.result).length, 1);
  assert.equal(replies.filter(reply => reply.error && reasonOf(reply) === 'busy').length, 2);
});

test('another user\'s lock directory is not used', async t => {
  const {chmodSync, mkdirSync} = await import('node:fs');
  const stage = new Stage(t, {lab, token: 'default'});
  mkdirSync(`${stage.dir}/runtime/tokenbridge`);
  chmodSync(`${stage.dir}/runtime/tokenbridge`, 0o777);
  assert.equal(await stage.host().reason('authenticate', ask()), 'internal');
});

// --- tokens that come and go ---

test('a token inserted while the dialog waits is used by itself', async t => {
  const stage = new Stage(t, {lab});
  const host = stage.host();
  const value = nonce();
  const reply = host.request('authenticate', {origin, nonce: value});
  await until('the waiting dialog', () => stage.recorded().some(line => line.startsWith('CONFIRM --one-button')));
  stage.insert('default');
  assertToken((await reply).result, value);
});

test('a token taken out while the dialog is open, and put back', async t => {
  const stage = new Stage(t, {lab, token: 'default', pinentry: '--hang-at GETPIN'});
  const host = stage.host();
  const value = nonce();
  const reply = host.request('authenticate', {origin, nonce: value});
  await until('the PIN dialog', () => stage.recorded().includes('GETPIN'));
  stage.tellPinentry('');
  stage.takeTokenOut();
  await until('the waiting dialog', () => stage.recorded().some(line => line.startsWith('CONFIRM --one-button')));
  stage.insert('default');
  assertToken((await reply).result, value);
});

test('a token taken out while it signs', async t => {
  const stage = new Stage(t, {lab, token: 'default', modules: {wrapper: wrapperModule}});
  const host = stage.host();
  for (const code of ['0x32', '0xe0', '0xb3']) { // CKR_DEVICE_REMOVED, CKR_TOKEN_NOT_PRESENT, CKR_SESSION_HANDLE_INVALID
    for (const call of ['C_Login', 'C_SignInit', 'C_Sign']) {
      writeFileSync(stage.script, `[do]\n${call}=${code}\n`);
      const dialogs = stage.recorded().filter(line => line === 'GETPIN').length;
      const start = performance.now();
      assert.equal(await host.reason('authenticate', ask()), 'token_removed', `${call} ${code}`);
      assert.ok(performance.now() - start < ms(3000));
      assert.equal(stage.recorded().filter(line => line === 'GETPIN').length, dialogs + 1, 'no loop of PIN dialogs');
    }
  }
  writeFileSync(stage.script, '');
  await assertWorks(host);
});

// --- PINs ---

test('a wrong PIN, then the right one', async t => {
  const stage = new Stage(t, {lab, token: 'default', modules: {wrapper: wrapperModule}, pinentry: '--pins 9999,1234'});
  await assertWorks(stage.host());
  assert.equal(stage.calls('login').length, 2);
  assert.equal(stage.recorded().filter(line => line === 'GETPIN').length, 2);
  assert.ok(stage.recorded().some(line => line.startsWith('SETERROR')));
});

test('three wrong PINs end the request', async t => {
  const stage = new Stage(t, {lab, token: 'default', modules: {wrapper: wrapperModule}, pinentry: '--pins 9999,9998,9997,1234'});
  const host = stage.host();
  const reply = await host.request('authenticate', ask());
  assert.equal(reasonOf(reply), 'pin_incorrect');
  assert.equal(reply.error.code, -32_007);
  assert.equal(stage.calls('login').length, 3);
  assert.equal(stage.recorded().filter(line => line === 'GETPIN').length, 3);
  await assertWorks(host);
});

test('the same wrong PIN never reaches the token twice, in one request or the next', async t => {
  const stage = new Stage(t, {lab, token: 'default', modules: {wrapper: wrapperModule}, pinentry: '--pins 9999'});
  const host = stage.host();
  assert.equal(await host.reason('authenticate', ask()), 'pin_incorrect');
  assert.equal(stage.calls('login').length, 1);
  assert.equal(await host.reason('authenticate', ask()), 'pin_incorrect');
  assert.equal(stage.calls('login').length, 1);
  stage.tellPinentry('');
  await assertWorks(host);
  assert.equal(stage.calls('login').length, 2);
});

test('a locked PIN', async t => {
  const stage = new Stage(t, {lab, token: 'default', modules: {wrapper: wrapperModule}});
  const host = stage.host();
  writeFileSync(stage.script, '[do]\nC_Login=0xa4\n');
  assert.equal(await host.reason('authenticate', ask()), 'pin_blocked');
  writeFileSync(stage.script, '[do]\nflags=0x40000\n'); // CKF_USER_PIN_LOCKED: nothing is asked any more
  const logins = stage.calls('login').length;
  assert.equal(await host.reason('authenticate', {...ask(), timeout: ms(1500)}), 'pin_blocked');
  assert.equal(stage.calls('login').length, logins);
});

test('a PIN pad: the PIN is typed on the reader', async t => {
  const stage = new Stage(t, {lab, token: 'default', modules: {wrapper: wrapperModule}});
  writeFileSync(stage.script, '[do]\nflags=0x100\npad-pin=1234\npad-delay=300\n');
  await assertWorks(stage.host());
  assert.ok(!stage.recorded().includes('GETPIN'));
  assert.deepEqual(stage.calls('login').map(line => line.split(' ').at(-1)), ['pad']);
});

// --- prompts ---

test('a prompt that dies', async t => {
  for (const [name, signal] of [['typing the PIN', 'SIGKILL'], ['typing the PIN', 'SIGSEGV'], ['looking for a token', 'SIGKILL']]) {
    const {stage, host, reply, children} = await bringTo(t, name);
    process.kill((await host.child('tokenbridge-prompt')).pid, signal);
    const answer = await reply;
    assert.equal(reasonOf(answer), 'internal');
    assert.match(answer.error.message, /dialog/);
    await allGone(children.filter(isDialog), 1000);
    repair(stage);
    await assertWorks(host);
  }
});

test('a pinentry that is missing, dies, or talks nonsense', async t => {
  const stage = new Stage(t, {lab, token: 'default'});
  const host = stage.host();
  for (const options of ['--die-at START', '--die-at SETDESC', '--die-at GETPIN', '--garbage-at GETPIN', '--garbage-at OPTION', '--error-at GETPIN=83886340']) {
    stage.tellPinentry(options);
    const reply = await host.request('authenticate', {...ask(), timeout: ms(5000)});
    assert.equal(reasonOf(reply), 'internal', options);
  }
  stage.tellPinentry('');
  await assertWorks(host);
  stage.configure('', {softhsm: lab.made.module}, '[prompt]\nprogram=pinentry\npinentry=/nowhere/pinentry\n');
  const reply = await stage.host().request('authenticate', ask());
  assert.equal(reasonOf(reply), 'internal');
  assert.match(reply.error.message, /\/nowhere\/pinentry/);
});

// --- time ---

test('the user\'s time', async t => {
  const {host, stage, reply} = await bringTo(t, 'typing the PIN');
  await host.request('cancel', {id: reply.id});
  await reply;
  const start = performance.now();
  const late = await host.request('authenticate', {...ask(), timeout: ms(1000)});
  const took = performance.now() - start;
  assert.equal(reasonOf(late), 'user_timeout');
  assert.equal(late.error.code, -32_002);
  assert.ok(took >= ms(1000) - 10 && took < ms(1000) + ms(300), `${took} ms`);
  repair(stage);
  await assertWorks(host);
});

test('without a token the time ends with what is missing', async t => {
  const stage = new Stage(t, {lab});
  assert.equal(await stage.host().reason('authenticate', {...ask(), timeout: ms(1000)}), 'token_missing');
  const none = new Stage(t, {lab, modules: {}});
  assert.equal(await none.host().reason('authenticate', {...ask(), timeout: ms(1000)}), 'module_failed');
});
