// SPDX-License-Identifier: Apache-2.0
// Several tokens, modules and hosts at once: tokens that come and go beside a module that hangs, one token in two
// modules, twins, the truest word for what fails, certificates that show only after the PIN, many browsers.
import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import {createHash} from 'node:crypto';
import {writeFileSync} from 'node:fs';
import path from 'node:path';
import {after, test} from 'node:test';
import {verifyDocument, verifyToken} from '../demo-site/verify.mjs';
import {Stage, makeLab, ms, nonce, origin, putPrivate, reasonOf, sleep, tokenModule, until, within, wrapperModule} from './host.mjs';

const lab = makeLab('--only', 'people');
after(() => lab.remove());

const ask = () => ({origin, nonce: nonce()});

function assertToken(token, value) {
  const verdict = verifyToken(token, {origin, nonce: value, anchors: lab.anchors});
  assert.ok(verdict.ok, JSON.stringify(verdict.checks));
}

test('a token is seen to come and go while another module hangs', async t => {
  const stage = new Stage(t, {lab, modules: {wrapper: wrapperModule, token: tokenModule}, pinentry: '--hang-at GETPIN'});
  writeFileSync(stage.script, '[do]\nC_GetSlotList-hang=true\n');
  stage.putTokens(null);
  const host = stage.host();
  const value = nonce();
  const reply = host.request('authenticate', {origin, nonce: value});
  const count = word => stage.recorded().filter(line => line.startsWith(word)).length;
  await until('the listing', () => stage.calls('C_GetSlotList').length > 0);
  const figures = [];
  for (let round = 1; round <= 3; round++) {
    const begin = performance.now();
    stage.putTokens(stage.tokenOf(['p256'], {insertion: round}));
    if (round === 3) stage.tellPinentry('');
    await until('the PIN dialog', () => count('GETPIN') === round);
    figures.push(Math.round(performance.now() - begin));
    // The module's deadline is 5 s: until then nothing but the other one's token can have moved the dialog.
    assert.ok(figures.at(-1) < ms(2500), `${figures.at(-1)} ms`);
    if (round === 3) break;
    const waits = count('CONFIRM --one-button');
    stage.putTokens(null);
    await until('the waiting dialog', () => count('CONFIRM --one-button') > waits);
  }
  t.diagnostic(`from the insertion to the PIN dialog: ${figures.join(', ')} ms`);
  assertToken((await reply).result, value);
});

/** What dialogs the pinentry showed: CONFIRM for a choice, GETPIN; not those that only wait. */
const dialogs = stage => stage.recorded().filter(line => line === 'CONFIRM' || line === 'GETPIN');

// --- one token or two ---

test('one token that two modules see is one choice, and the first module signs', async t => {
  const stage = new Stage(t, {lab, modules: {a: wrapperModule, b: tokenModule}});
  stage.env.TB_WRAPPER_REAL = tokenModule;
  stage.putTokens(stage.tokenOf(['p256']));
  const value = nonce();
  const host = stage.host();
  const {modules} = await host.result('listTokens');
  assert.deepEqual(modules.map(module => module.tokens.length), [1, 1]);
  assertToken(await host.result('authenticate', {origin, nonce: value}), value);
  assert.deepEqual(dialogs(stage), ['GETPIN']);
  assert.equal(stage.calls('login').length, 1);
});

test('where the first module fails, the second one\'s token is taken', async t => {
  const stage = new Stage(t, {lab, modules: {a: wrapperModule, b: tokenModule}, config: `[limits]\nsign-timeout=${ms(1000)}\n`});
  stage.env.TB_WRAPPER_REAL = tokenModule;
  stage.putTokens(stage.tokenOf(['p256']));
  const host = stage.host();
  for (const [script, first] of [['', true], ['[do]\nC_GetSlotList=0x5\n', false], ['', true]]) {
    writeFileSync(stage.script, script);
    const before = stage.calls('login').length;
    const value = nonce();
    assertToken(await host.result('authenticate', {origin, nonce: value}), value);
    assert.equal(stage.calls('login').length - before, first ? 1 : 0, script);
  }
  // It lists, and hangs when it signs: the next attempt goes to the other.
  writeFileSync(stage.script, '[do]\nC_Sign-hang=true\n');
  assert.equal(await host.reason('authenticate', ask()), 'module_timeout');
  const value = nonce();
  assertToken(await host.result('authenticate', {origin, nonce: value}), value);
});

test('two tokens that say the same are two choices, and the chosen one signs', async t => {
  for (const place of [1, 2]) {
    const stage = new Stage(t, {lab, modules: {token: tokenModule}, pinentry: `--choose ${place}`});
    const token = stage.tokenOf(['p256']);
    stage.putTokens(token, token);
    const value = nonce();
    assertToken(await stage.host().result('authenticate', {origin, nonce: value}), value);
    const slots = stage.tokenCalls('C_Login').map(call => call.slot);
    assert.deepEqual(slots, [place]);
    const screens = stage.recorded().filter(line => line.startsWith('SETDESC'));
    assert.ok(screens.some(line => line.includes(`Reader ${place}`)), screens.join('\n'));
  }
});

// --- the truest word ---

test('a token that cannot be read is not one without a certificate', async t => {
  const stage = new Stage(t, {lab, modules: {token: tokenModule}});
  const slots = [{id: 1, token: stage.tokenOf(['p256'])}];
  for (const [call, rv] of [['C_OpenSession', 'CKR_DEVICE_ERROR'], ['C_FindObjectsInit', 'CKR_GENERAL_ERROR']]) {
    stage.putScript({slots, faults: [{call, rv}]});
    const reply = await stage.host().request('authenticate', {...ask(), timeout: ms(1000)});
    assert.equal(reasonOf(reply), 'module_failed', call);
    assert.equal(reply.error.data.problem, 'module_failed', call);
  }
  // The dialog goes on by itself when it can be read.
  const value = nonce();
  const reply = stage.host().request('authenticate', {origin, nonce: value});
  await until('the sentence', () => stage.recorded().some(line => line.startsWith('CONFIRM --one-button')));
  stage.putScript({slots});
  assertToken((await reply).result, value);
});

test('modules that do not answer: module_timeout only when none did', async t => {
  const config = `[limits]\nlist-timeout=${ms(600)}\n`;
  for (const [modules, word] of [[{a: wrapperModule, b: wrapperModule}, 'module_timeout'],
    [{a: wrapperModule, b: '/dev/null'}, 'module_failed'], [{a: wrapperModule, b: tokenModule}, 'token_missing']]) {
    const stage = new Stage(t, {lab, modules, config});
    writeFileSync(stage.script, '[do]\nC_GetSlotList-hang=true\n');
    stage.putTokens(null);
    const reply = await stage.host().request('authenticate', {...ask(), timeout: ms(2000)});
    assert.equal(reasonOf(reply), word);
  }
});

// --- certificates that show only after the PIN ---

const logins = stage => stage.tokenCalls('C_Login').length;

test('a private certificate: one PIN, one login', async t => {
  const stage = new Stage(t, {lab, modules: {token: tokenModule}});
  stage.putTokens(stage.tokenOf(['p256'], {hide: true}));
  const value = nonce();
  const token = await stage.host().result('authenticate', {origin, nonce: value});
  assertToken(token, value);
  assert.equal(token.unverifiedCertificate, lab.base64('p256'));
  assert.equal(logins(stage), 1);
  assert.equal(dialogs(stage).filter(line => line === 'GETPIN').length, 1);
});

test('two private certificates: the user chooses, and types the PIN again', async t => {
  const stage = new Stage(t, {lab, modules: {token: tokenModule}});
  stage.putTokens(stage.tokenOf(['p256', 'p384'], {hide: true}));
  const value = nonce();
  assertToken(await stage.host().result('authenticate', {origin, nonce: value}), value);
  assert.equal(logins(stage), 2);
  assert.equal(dialogs(stage).filter(line => line === 'GETPIN').length, 2);
});

test('a private certificate for documents is shown before a site gets it', async t => {
  const stage = new Stage(t, {lab, modules: {token: tokenModule}});
  stage.putTokens(stage.tokenOf(['signing'], {hide: true}));
  const host = stage.host();
  const chosen = await host.result('getSigningCertificate', {origin});
  assert.equal(chosen.certificate, lab.base64('signing'));
  const shown = dialogs(stage);
  assert.deepEqual([shown.includes('GETPIN'), shown.at(-1)], [true, 'CONFIRM']);
  const hash = createHash('sha256').update('x').digest('base64');
  const signed = await host.result('sign', {origin, certificate: chosen.certificate, hash, hashFunction: 'SHA-256'});
  const verdict = verifyDocument({text: 'x', certificate: chosen.certificate, intermediates: chosen.intermediates, ...signed},
    {anchors: lab.anchors});
  assert.ok(verdict.ok, JSON.stringify(verdict.checks));
});

test('a wrong PIN for private certificates, then the right one', async t => {
  const stage = new Stage(t, {lab, modules: {token: tokenModule}, pinentry: '--pins 9999,1234'});
  stage.putTokens(stage.tokenOf(['p256'], {hide: true}));
  const value = nonce();
  assertToken(await stage.host().result('authenticate', {origin, nonce: value}), value);
  assert.equal(logins(stage), 2);
});

test('three wrong PINs, and a PIN that is never sent twice', async t => {
  const stage = new Stage(t, {lab, modules: {token: tokenModule}, pinentry: '--pins 9999'});
  stage.putTokens(stage.tokenOf(['p256'], {hide: true}));
  assert.equal(await stage.host().reason('authenticate', ask()), 'pin_incorrect');
  assert.equal(logins(stage), 1);
});

test('a token whose private certificates do not fit', async t => {
  const stage = new Stage(t, {lab, modules: {token: tokenModule}});
  stage.putTokens(stage.tokenOf(['signing'], {hide: true}));
  const reply = await stage.host().request('authenticate', {...ask(), timeout: ms(3000)});
  assert.equal(reasonOf(reply), 'no_certificate');
  assert.equal(logins(stage), 1);
});

test('a key that wants its PIN for each signature is asked for it again', async t => {
  const stage = new Stage(t, {lab, modules: {token: tokenModule}});
  const token = stage.tokenOf(['p256'], {hide: true});
  token.objects.find(one => one.class === 'private_key').always_authenticate = true;
  stage.putTokens(token);
  const value = nonce();
  assertToken(await stage.host().result('authenticate', {origin, nonce: value}), value);
  assert.equal(dialogs(stage).filter(line => line === 'GETPIN').length, 2);
});

test('SoftHSM with a private certificate', async t => {
  const stage = new Stage(t, {lab, modules: {softhsm: lab.made.module}});
  const user = lab.made.users.find(one => one.user === 'p256');
  const run = (program, ...args) => execFileSync(program, args, {env: stage.env, stdio: ['ignore', 'pipe', 'pipe']});
  run('softhsm2-util', '--init-token', '--free', '--label', 'Private', '--pin', '1234', '--so-pin', '12345678');
  const key = path.join(stage.dir, 'key.p8');
  run('openssl', 'pkcs8', '-topk8', '-nocrypt', '-in', user.private_key, '-out', key);
  run('softhsm2-util', '--import', key, '--token', 'Private', '--label', 'p256', '--id', '01', '--pin', '1234');
  for (const [file, id] of [[user.der, '01'], [lab.made.intermediate.replace(/pem$/, 'der'), '02']]) {
    run(putPrivate, lab.made.module, 'Private', '1234', file, id);
  }
  const host = stage.host();
  const {modules: [module]} = await host.result('listTokens');
  assert.deepEqual(module.tokens.map(token => [token.hidden, token.certificates.length]), [[true, 0]]);
  const value = nonce();
  assertToken(await host.result('authenticate', {origin, nonce: value}), value);
  assert.equal(dialogs(stage).filter(line => line === 'GETPIN').length, 1);
});

// --- many browsers ---

test('thirty hosts at once on one token: each a signature of its own, or busy', async t => {
  const stage = new Stage(t, {lab, modules: {token: lab.made.module}});
  const full = makeLab('--only', 'p256');
  t.after(() => full.remove());
  stage.lab = full;
  stage.insert('default');
  const hosts = Array.from({length: 30}, () => stage.host());
  await Promise.all(hosts.map(host => host.result('status')));
  const begin = performance.now();
  let busy = 0;
  // As pages do: who is told "busy" asks again, so that all have their turn.
  const signIn = async host => {
    for (;;) {
      const value = nonce();
      const reply = await host.request('authenticate', {origin, nonce: value});
      if (reply.result) return {token: reply.result, value};
      assert.equal(reasonOf(reply), 'busy');
      busy++;
      await sleep(20 + Math.random() * 80);
    }
  };
  const answers = await within(60_000, 'thirty signatures', Promise.all(hosts.map(signIn)));
  t.diagnostic(`30 signatures in ${Math.round(performance.now() - begin)} ms, busy ${busy} times`);
  for (const {token, value} of answers) {
    const verdict = verifyToken(token, {origin, nonce: value, anchors: full.anchors});
    assert.ok(verdict.ok, JSON.stringify(verdict.checks));
  }
  assert.equal(new Set(answers.map(({token}) => token.signature)).size, 30);
  assert.ok(busy > 0, 'they were at once');
});
