// SPDX-License-Identifier: Apache-2.0
// Pages that use the Web eID library: the messages it sends, answered as its own extension would.
// Shapes follow the published library: answers are found by the action's name, there are no ids.
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {EXTENSION_ID, Browser, NONCE, Page, TOKEN, holdTime, pass, refuse, settle} from './fakes.mjs';

holdTime();

const ECC = [{cryptoAlgorithm: 'ECC', hashFunction: 'SHA-256', paddingScheme: 'NONE'}];

/** Posts a request as the library does, and gives all answers to it. */
async function ask(page, action, members = {}) {
  page.window.postMessage({action: `web-eid:${action}`, libraryVersion: '2.1.0', ...members}, '*');
  await pass(150);
  return page.window.posted.filter(message => message.action?.startsWith(`web-eid:${action}-`));
}

test('status: acknowledged, then library, extension and nativeApp', async () => {
  assert.deepEqual(await ask(new Page(new Browser()), 'status'), [
    {action: 'web-eid:status-ack'},
    {action: 'web-eid:status-success', library: '2.1.0', extension: '0.1.0', nativeApp: '0.1.0'},
  ]);
});

test('authenticate: the token\'s members beside the action', async () => {
  const browser = new Browser();
  const answers = await ask(new Page(browser), 'authenticate', {challengeNonce: NONCE, options: {lang: 'et', userInteractionTimeout: 60_000}});
  assert.deepEqual(answers, [{action: 'web-eid:authenticate-ack'}, {action: 'web-eid:authenticate-success', ...TOKEN}]);
  assert.deepEqual(browser.program.dialogs[0].params, {origin: 'https://site.example', nonce: NONCE, lang: 'et', timeout: 60_000});
});

test('get-signing-certificate: certificate and algorithms, nothing else', async () => {
  const answers = await ask(new Page(new Browser()), 'get-signing-certificate', {options: undefined});
  assert.deepEqual(answers[1], {action: 'web-eid:get-signing-certificate-success', certificate: 'MIID', supportedSignatureAlgorithms: ECC});
});

test('sign: signature and algorithm; and it may follow the certificate without another click', async () => {
  const browser = new Browser();
  const page = new Page(browser);
  await ask(page, 'get-signing-certificate');
  page.active = false;
  page.now += 30_000;
  const answers = await ask(page, 'sign', {certificate: 'MIID', hash: 'aGFzaA==', hashFunction: 'SHA-256'});
  assert.deepEqual(answers[1], {action: 'web-eid:sign-success', signature: 'c2ln', signatureAlgorithm: ECC[0]});
  assert.deepEqual(browser.program.dialogs[1].params, {origin: 'https://site.example', certificate: 'MIID', hash: 'aGFzaA==', hashFunction: 'SHA-256'});
});

test('every word has its true counterpart', async t => {
  const expected = {
    user_cancelled: ['ERR_WEBEID_USER_CANCELLED', 'UserCancelledError'],
    user_timeout: ['ERR_WEBEID_USER_TIMEOUT', 'UserTimeoutError'],
    invalid_request: ['ERR_WEBEID_NATIVE_INVALID_ARGUMENT', 'NativeInvalidArgumentError'],
    origin_refused: ['ERR_WEBEID_UNKNOWN_ERROR', 'UnknownError'],
    aborted: ['ERR_WEBEID_UNKNOWN_ERROR', 'UnknownError'],
  };
  for (const word of ['token_missing', 'token_removed', 'no_certificate', 'pin_blocked', 'pin_incorrect', 'pin_pad_failed',
    'pin_invalid', 'puk_incorrect', 'puk_blocked', 'module_failed', 'module_timeout', 'busy', 'unsupported', 'internal']) expected[word] = ['ERR_WEBEID_NATIVE_FATAL', 'NativeFatalError'];
  for (const [word, [code, name]] of Object.entries(expected)) {
    await t.test(word, async () => {
      const browser = new Browser();
      browser.program.answers.authenticate = () => refuse(word, 'what happened');
      const answers = await ask(new Page(browser), 'authenticate', {challengeNonce: NONCE});
      assert.deepEqual(answers[1], {action: 'web-eid:authenticate-failure', error: {code, name, message: 'what happened', tokenbridge: word}});
    });
  }
});

test('a missing program, an insecure context, a missing gesture, a frame', async () => {
  const missing = new Browser();
  missing.missing = 'Specified native messaging host not found.';
  assert.equal((await ask(new Page(missing), 'status'))[1].error.code, 'ERR_WEBEID_NATIVE_UNAVAILABLE');

  const insecure = new Page(new Browser(), {origin: 'http://site.example', secure: false});
  assert.equal((await ask(insecure, 'authenticate', {challengeNonce: NONCE}))[1].error.code, 'ERR_WEBEID_CONTEXT_INSECURE');

  const idle = new Page(new Browser());
  idle.active = false;
  assert.equal((await ask(idle, 'authenticate', {challengeNonce: NONCE}))[1].error.tokenbridge, 'gesture_required');

  const frame = new Page(new Browser(), {frameId: 2, tabUrl: 'https://top.example/'});
  assert.equal((await ask(frame, 'authenticate', {challengeNonce: NONCE}))[1].error.tokenbridge, 'origin_refused');
});

test('a version mismatch tells which part to update', async () => {
  const browser = new Browser();
  browser.program.answers.status = () => ({version: '9.0.0', protocol: 2});
  const {error} = (await ask(new Page(browser), 'status'))[1];
  assert.equal(error.code, 'ERR_WEBEID_VERSION_MISMATCH');
  assert.deepEqual(error.requiresUpdate, {extension: true, nativeApp: false});
  assert.deepEqual([error.library, error.extension, error.nativeApp], ['2.1.0', '0.1.0', '9.0.0']);
});

test('options that ours does not take are made to fit; wrong ones are left out', async () => {
  const browser = new Browser();
  const page = new Page(browser);
  const timeouts = [[10, 1_000], [9_999_999, 600_000], [30_000.4, 30_000], [-1, undefined], ['60000', undefined]];
  for (const [given, sent] of timeouts) {
    page.window.posted.length = 0;
    await ask(page, 'authenticate', {challengeNonce: NONCE, options: {userInteractionTimeout: given, lang: ''}});
    assert.deepEqual(browser.program.dialogs.at(-1).params, {origin: 'https://site.example', nonce: NONCE, ...(sent ? {timeout: sent} : {})});
  }
  assert.equal(browser.program.dialogs.length, timeouts.length);
});

test('Web eID\'s own extension answers first: ours stays silent, now and later', async () => {
  const browser = new Browser();
  const page = new Page(browser);
  page.window.addEventListener('message', ({data}) => {
    if (data.action === 'web-eid:status') page.window.deliver({action: 'web-eid:status-ack'});
  });
  assert.deepEqual(await ask(page, 'status'), []);
  assert.deepEqual(await ask(page, 'authenticate', {challengeNonce: NONCE}), []);
  assert.equal(browser.program.starts, 0);
  assert.equal(page.port.open, false);
});

test('an acknowledgement from another window does not silence ours', async () => {
  const page = new Page(new Browser());
  page.window.deliver({action: 'web-eid:status-ack'}, {source: new EventTarget()});
  assert.equal((await ask(page, 'status')).length, 2);
});

test('our own acknowledgements do not silence us', async () => {
  const page = new Page(new Browser());
  for (let i = 1; i <= 3; i++) assert.equal((await ask(page, 'status')).length, 2 * i);
});

test('it waits 150 ms for Web eID\'s own extension', async () => {
  const page = new Page(new Browser());
  page.window.postMessage({action: 'web-eid:status', libraryVersion: '2.1.0'}, '*');
  await pass(149);
  assert.equal(page.window.posted.length, 1);
  await pass(1);
  assert.equal(page.window.posted.length, 3);
});

test('an extension that was updated under the page says so, after the same wait', async () => {
  const page = new Page(new Browser());
  page.orphaned = true;
  const [failure] = await ask(page, 'status');
  assert.equal(failure.action, 'web-eid:status-failure');
  assert.equal(failure.error.tokenbridge, 'extension_unavailable');
});

test('switched off by policy: silence, so that the library says that no extension is there', async () => {
  const browser = new Browser();
  browser.managed = {webEid: false};
  const page = new Page(browser);
  assert.deepEqual(await ask(page, 'status'), []);
  assert.deepEqual(await ask(page, 'authenticate', {challengeNonce: NONCE}), []);
  assert.equal(browser.program.starts, 0);
  assert.equal((await page.library.status()).host, '0.1.0', 'our own library still works');
});

test('answers, warnings and unknown actions are not requests', async () => {
  const browser = new Browser();
  const page = new Page(browser);
  for (const action of ['status-success', 'authenticate-failure', 'warning', 'list-tokens', 'toString', '']) {
    page.window.deliver({action: `web-eid:${action}`});
    await pass(150);
  }
  assert.deepEqual(page.window.posted, []);
  assert.equal(browser.program.starts, 0);
});

test('the background knows its actions too', async () => {
  const browser = new Browser();
  const port = browser.connectAs('page', {id: EXTENSION_ID, origin: 'https://site.example', url: 'https://site.example/', frameId: 0, tab: {id: 1}});
  port.postMessage({key: 'w:1', kind: 'web-eid', method: 'constructor', params: {}, secure: true, gesture: true});
  await settle();
  assert.deepEqual(port.messages, [{key: 'w:1', done: true}]);
});

test('leaving the page cancels down to the host', async () => {
  const browser = new Browser();
  browser.program.answers.authenticate = () => undefined;
  const page = new Page(browser);
  await ask(page, 'authenticate', {challengeNonce: NONCE});
  page.close();
  await settle();
  assert.equal(browser.program.named('cancel').length, 1);
});

test('three cancels count here as well', async () => {
  const browser = new Browser();
  browser.program.answers.authenticate = () => refuse('user_cancelled');
  const page = new Page(browser);
  for (let i = 0; i < 3; i++) await ask(page, 'authenticate', {challengeNonce: NONCE});
  assert.equal((await ask(page, 'authenticate', {challengeNonce: NONCE})).at(-1).error.tokenbridge, 'origin_refused');
});
