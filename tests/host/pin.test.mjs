// SPDX-License-Identifier: Apache-2.0
// Changing and unblocking a PIN over real pipes: the host, its worker, SoftHSM and the test token, and the
// scripted pinentry that asks for the old PIN (or PUK), the new one, and the new one again.
import assert from 'node:assert/strict';
import {after, test} from 'node:test';
import {verifyToken} from '../demo-site/verify.mjs';
import {Stage, makeLab, ms, nonce, origin, reasonOf, tokenModule, until} from './host.mjs';

const lab = makeLab();
after(() => lab.remove());

/** The token that a stage has, named as a listing names it. */
async function named(host) {
  const {modules} = await host.result('listTokens');
  const module = modules.find(one => one.tokens?.length);
  const [token] = module.tokens;
  return {token, params: {module: module.name, slot: token.slot, token: token.serial}};
}

const count = (stage, word) => stage.recorded().filter(line => line === word).length;
const waits = stage => stage.recorded().some(line => line.startsWith('CONFIRM --one-button'));
const prompts = stage => stage.recorded().filter(line => line.startsWith('SETPROMPT')).map(line => line.slice('SETPROMPT '.length));

async function signIn(host) {
  const value = nonce();
  const token = await host.result('authenticate', {origin, nonce: value});
  const verdict = verifyToken(token, {origin, nonce: value, anchors: lab.anchors});
  assert.ok(verdict.ok, JSON.stringify(verdict.checks));
}

/** A stage with the test token, which goes wrong as told. */
function stageWith(t, {token = {}, faults = [], pinentry = '--pins 1234,567890,567890', config} = {}) {
  const stage = new Stage(t, {lab, modules: {token: tokenModule}, pinentry, config});
  stage.faults = faults;
  stage.putTokens(stage.tokenOf(['p256'], token));
  return stage;
}

test('the PIN is changed: the new one signs in, the old one is refused', async t => {
  const stage = new Stage(t, {lab, token: 'default', pinentry: '--pins 1234,567890,567890,1234,567890'});
  const host = stage.host();
  const {params} = await named(host);
  const result = await host.result('changePin', params);
  assert.deepEqual(Object.keys(result), ['pin']);
  assert.equal(result.pin.state, 'ok');
  assert.equal(count(stage, 'GETPIN'), 3);
  assert.deepEqual(prompts(stage), ['PIN:', 'New PIN:', 'Again:']);
  await signIn(host); // 1234 first
  assert.equal(count(stage, 'GETPIN'), 5);
  assert.ok(stage.recorded().some(line => line.startsWith('SETERROR')));
  // In another process too: it is the token's, not the worker's.
  stage.tellPinentry('--pin 567890');
  await signIn(stage.host());
});

test('the PUK unblocks a locked PIN, and the listing says so at once', async t => {
  const stage = stageWith(t, {token: {tries: 1}, pinentry: '--pins 9999,2468,2468,12345678,2468,2468'});
  const host = stage.host();
  const {params} = await named(host);
  assert.equal(await host.reason('changePin', params), 'pin_blocked');
  assert.equal((await named(host)).token.pin.state, 'locked');
  assert.equal(await host.reason('changePin', {...params, timeout: ms(1000)}), 'pin_blocked');
  assert.equal(count(stage, 'GETPIN'), 3, 'it is not even asked for');
  assert.equal((await host.result('unblockPin', params)).pin.state, 'final_try'); // this token gives one try
  assert.equal((await named(host)).token.pin.state, 'final_try');
  stage.tellPinentry('--pin 2468');
  await signIn(host);
});

test('a wrong PIN, then the right one; a PIN that was refused may become the new one', async t => {
  const stage = stageWith(t, {pinentry: '--pins 9999,8888,8888,1234,9999,9999'});
  const host = stage.host();
  const {params} = await named(host);
  await host.result('changePin', params);
  assert.equal(count(stage, 'GETPIN'), 6);
  stage.tellPinentry('--pin 9999');
  await signIn(host);
});

test('three wrong entries end it, and none is sent twice', async t => {
  const stage = stageWith(t, {token: {tries: 0}, pinentry: '--pins 9999,567890,567890'});
  const host = stage.host();
  const {params} = await named(host);
  stage.tellPinentry('--pins 9999,567890,567890,9998,567890,567890,9998,567890,567890');
  const reply = await host.request('changePin', params);
  assert.equal(reasonOf(reply), 'pin_incorrect');
  assert.equal(reply.error.code, -32_007);
  assert.equal(count(stage, 'GETPIN'), 9);
  stage.tellPinentry('--pin 1234');
  await signIn(host); // with the old one
});

test('a wrong PUK, three times', async t => {
  const stage = stageWith(t, {token: {so_tries: 0}, pinentry: '--pins 9999999,567890,567890,9999998,567890,567890,9999997,567890,567890'});
  const host = stage.host();
  const {params} = await named(host);
  const reply = await host.request('unblockPin', params);
  assert.equal(reasonOf(reply), 'puk_incorrect');
  assert.equal(reply.error.code, -32_016);
});

test('a PUK that is locked by wrong ones', async t => {
  const stage = stageWith(t, {token: {so_tries: 1}, pinentry: '--pins 9999999,567890,567890'});
  const host = stage.host();
  const {params} = await named(host);
  assert.equal(await host.reason('unblockPin', params), 'puk_blocked');
  assert.equal((await named(host)).token.puk.state, 'locked');
});

test('a new PIN that is too short is not sent; two that differ are not either', async t => {
  const stage = stageWith(t, {token: {min_pin: 6, pin: '123456'}, pinentry: '--pins 123456,567,567890,567891,567890,567890'});
  const host = stage.host();
  const {params} = await named(host);
  await host.result('changePin', params);
  assert.equal(stage.recorded().filter(line => line.startsWith('SETERROR')).length, 2);
  stage.tellPinentry('--pin 567890');
  await signIn(host);
});

test('a new PIN that the token does not take, until it does; and never', async t => {
  const stage = stageWith(t, {token: {digits_only: true}, pinentry: '--pins 1234,abcdef,abcdef,1234,567890,567890'});
  const host = stage.host();
  const {params} = await named(host);
  await host.result('changePin', params);
  const never = stageWith(t, {
    faults: [{call: 'C_SetPIN', do: 'return', rv: 'CKR_PIN_INVALID'}],
    pinentry: '--pins 1234,567890,567890,1234,567891,567891,1234,567892,567892',
  });
  const other = never.host();
  assert.equal(await other.reason('changePin', (await named(other)).params), 'pin_invalid');
  assert.equal(count(never, 'GETPIN'), 9);
});

test('what a module cannot do is unsupported', async t => {
  const stage = stageWith(t, {faults: [{call: 'C_SetPIN', do: 'return', rv: 'CKR_FUNCTION_NOT_SUPPORTED'}]});
  const host = stage.host();
  assert.equal(await host.reason('changePin', (await named(host)).params), 'unsupported');
});

test('the user cancels: only that is user_cancelled', async t => {
  for (const method of ['changePin', 'unblockPin']) {
    const stage = stageWith(t, {pinentry: '--cancel-at GETPIN'});
    const host = stage.host();
    const reply = await host.request(method, (await named(host)).params);
    assert.equal(reasonOf(reply), 'user_cancelled');
    assert.equal(reply.error.data.problem, undefined);
  }
});

test('the token is waited for, may come back, and its absence is told', async t => {
  const stage = stageWith(t, {pinentry: '--hang-at GETPIN'});
  const token = stage.tokenOf(['p256']);
  const host = stage.host();
  const {params} = await named(host);
  stage.putTokens(null);
  const reply = host.request('changePin', params);
  await until('the waiting dialog', () => waits(stage));
  stage.putTokens(token);
  await until('the question', () => count(stage, 'GETPIN') === 1);
  const before = stage.recorded().length;
  stage.putTokens({...token, serial: '0002'}); // another one
  await until('the waiting dialog', () => stage.recorded().slice(before).some(line => line.startsWith('CONFIRM --one-button')));
  stage.tellPinentry('--pins 1234,1234,567890,567890');
  stage.putTokens(null, token); // in the other reader
  assert.equal((await reply).result?.pin.state, 'ok', JSON.stringify(await reply));
  stage.putTokens(null);
  assert.equal(await host.reason('changePin', {...params, timeout: ms(1500)}), 'token_missing');
});

test('a token taken out while it works', async t => {
  for (const call of ['C_Login', 'C_SetPIN']) {
    const stage = stageWith(t, {faults: [{call, do: 'remove'}]});
    const host = stage.host();
    const {params} = await named(host);
    const reason = await host.reason('changePin', params);
    assert.equal(reason, 'token_removed', call);
    assert.equal(count(stage, 'GETPIN'), 3, 'no loop of dialogs');
  }
});

test('a module that crashes or hangs over it costs this request, and the next one works', async t => {
  for (const [what, reason] of [['segv', 'module_failed'], ['hang', 'module_timeout']]) {
    const stage = stageWith(t, {faults: [{call: 'C_SetPIN', do: what}], config: `[limits]\nsign-timeout=${ms(1000)}\n`});
    const host = stage.host();
    const {params} = await named(host);
    assert.equal(await host.reason('changePin', params), reason);
    stage.faults = [];
    stage.tellPinentry('--pin 1234');
    stage.putTokens(stage.tokenOf(['p256']));
    await signIn(host);
  }
});

test('one dialog at a time, whichever host has it and whatever it is about', async t => {
  const stage = stageWith(t, {pinentry: '--hang-at GETPIN'});
  const hosts = [stage.host(), stage.host()];
  const {params} = await named(hosts[0]);
  const reply = hosts[0].request('changePin', params);
  await until('the dialog', () => count(stage, 'GETPIN') === 1);
  for (const host of hosts) {
    assert.equal(await host.reason('changePin', params), 'busy');
    assert.equal(await host.reason('unblockPin', params), 'busy');
    assert.equal(await host.reason('authenticate', {origin, nonce: nonce()}), 'busy');
  }
  assert.deepEqual((await hosts[0].request('cancel', {id: reply.id})).result, {cancelled: true});
  assert.equal(reasonOf(await reply), 'aborted');
  stage.tellPinentry('--pin 1234');
  await signIn(hosts[1]);
});

test('the browser goes meanwhile: everything ends at once', async t => {
  for (const [name, faults, reached] of [
    ['asking', [], stage => count(stage, 'GETPIN') === 1],
    ['changing', [{call: 'C_SetPIN', do: 'hang'}], stage => count(stage, 'GETPIN') === 3],
  ]) {
    const stage = stageWith(t, {faults, pinentry: name === 'asking' ? '--hang-at GETPIN' : '--pins 1234,567890,567890'});
    const host = stage.host();
    host.request('changePin', (await named(host)).params);
    await until(name, () => reached(stage));
    const {code, signal, took} = await host.end();
    assert.deepEqual({code, signal}, {code: 0, signal: null});
    assert.ok(took < ms(200), `${name}: ${took} ms`);
    await stage.nothingLeft(1000);
  }
});

test('a PIN pad: everything is typed on the reader', async t => {
  const stage = stageWith(t, {token: {pin_pad: {result: 'ok', ms: 100}}, pinentry: ''});
  const host = stage.host();
  const {params} = await named(host);
  assert.equal((await host.result('changePin', params)).pin.pad, true);
  assert.equal(count(stage, 'GETPIN'), 0);
  stage.putTokens(stage.tokenOf(['p256'], {pin_pad: {result: 'cancel', ms: 1500}}));
  assert.equal(await host.reason('changePin', params), 'user_cancelled');
});
