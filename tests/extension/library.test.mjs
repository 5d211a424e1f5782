// SPDX-License-Identifier: Apache-2.0
// The page's library: arguments, messages it must not believe, time limits, taking back.
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {Browser, NONCE, Page, TOKEN, holdTime, outcome, pass, settle} from './fakes.mjs';

holdTime();

const HASH = Buffer.alloc(32, 7).toString('base64');

test('status tells all three versions and the protocol', async () => {
  const page = new Page(new Browser());
  assert.deepEqual(await page.library.status(), {library: '0.1.0', extension: '0.1.0', host: '0.1.0', protocol: 1});
});

test('authenticate resolves with the host\'s token', async () => {
  const browser = new Browser();
  const page = new Page(browser);
  const options = {lang: 'fa', issuers: ['MAA='], policies: ['1.2.3'], chain: true, timeout: 30_000};
  assert.deepEqual(await page.library.authenticate(NONCE, options), TOKEN);
  assert.deepEqual(browser.program.dialogs[0].params, {origin: 'https://site.example', nonce: NONCE, ...options});
});

test('getSigningCertificate and sign pass their arguments on', async () => {
  const browser = new Browser();
  const page = new Page(browser);
  const {certificate} = await page.library.getSigningCertificate({policies: ['2.5.29.32.0']});
  const signed = await page.library.sign(certificate, HASH, 'SHA-256', {lang: 'en'});
  assert.equal(signed.signature, 'c2ln');
  assert.deepEqual(browser.program.dialogs.map(({method, params}) => [method, params]), [
    ['getSigningCertificate', {origin: 'https://site.example', policies: ['2.5.29.32.0']}],
    ['sign', {origin: 'https://site.example', certificate, hash: HASH, hashFunction: 'SHA-256', lang: 'en'}],
  ]);
});

test('wrong arguments are invalid_request and never leave the library', async t => {
  const page = new Page(new Browser());
  const {authenticate, getSigningCertificate, sign, status} = page.library;
  const cases = {
    'no nonce': () => authenticate(),
    'nonce too short': () => authenticate('A'.repeat(40)),
    'nonce too long': () => authenticate('A'.repeat(132)),
    'nonce of 43 characters': () => authenticate('A'.repeat(43)),
    'nonce in the URL alphabet': () => authenticate(`${'-'.repeat(43)}=`),
    'nonce not a string': () => authenticate(new Uint8Array(32)),
    'options null': () => authenticate(NONCE, null),
    'unknown option': () => authenticate(NONCE, {origin: 'https://other.example'}),
    'unknown option of status': () => status({lang: 'en'}),
    'lang with markup': () => authenticate(NONCE, {lang: '<b>'}),
    'issuers not a list': () => authenticate(NONCE, {issuers: 'MAA='}),
    'issuers not base64': () => authenticate(NONCE, {issuers: ['CN=x']}),
    '33 issuers': () => authenticate(NONCE, {issuers: Array(33).fill('MAA=')}),
    'policy not dotted': () => authenticate(NONCE, {policies: ['anyPolicy']}),
    'policy with a leading zero': () => getSigningCertificate({policies: ['1.02']}),
    'timeout too short': () => authenticate(NONCE, {timeout: 999}),
    'timeout too long': () => authenticate(NONCE, {timeout: 600_001}),
    'timeout a fraction': () => authenticate(NONCE, {timeout: 1000.5}),
    'timeout a string': () => authenticate(NONCE, {timeout: '2000'}),
    'chain a string': () => authenticate(NONCE, {chain: 'yes'}),
    'chain where there is none': () => getSigningCertificate({chain: true}),
    'signal not a signal': () => authenticate(NONCE, {signal: {}}),
    'certificate missing': () => sign(undefined, HASH, 'SHA-256'),
    'hash function unknown': () => sign('MIIB', HASH, 'SHA-1'),
    'hash function from Object.prototype': () => sign('MIIB', HASH, 'toString'),
    'hash of another length': () => sign('MIIB', HASH, 'SHA-384'),
    'hash not base64': () => sign('MIIB', 'zz', 'SHA-256'),
  };
  for (const [name, call] of Object.entries(cases)) {
    await t.test(name, async () => {
      const {code, error} = await outcome(call());
      assert.equal(code, 'invalid_request');
      assert.ok(error instanceof page.library.TokenbridgeError && error instanceof Error);
      assert.equal(error.name, 'TokenbridgeError');
    });
  }
  assert.deepEqual(page.window.posted, []);
});

test('an option that is undefined counts as left out', async () => {
  const browser = new Browser();
  await new Page(browser).library.authenticate(NONCE, {lang: undefined, signal: undefined});
  assert.deepEqual(Object.keys(browser.program.dialogs[0].params), ['origin', 'nonce']);
});

test('an insecure context is refused before anything is posted', async () => {
  const page = new Page(new Browser(), {origin: 'http://site.example', secure: false});
  assert.equal((await outcome(page.library.status())).code, 'insecure_context');
  assert.deepEqual(page.window.posted, []);
});

test('an opaque origin is refused at once', async () => {
  const page = new Page(new Browser(), {origin: 'null'});
  assert.equal((await outcome(page.library.status())).code, 'origin_refused');
});

test('without the extension: extension_unavailable one second after the document is parsed', async () => {
  const page = new Page(new Browser(), {extension: false, readyState: 'loading'});
  let ended = null;
  outcome(page.library.status()).then(value => { ended = value; });
  await pass(5_000);
  assert.equal(ended, null, 'it must wait for the document');
  page.document.readyState = 'interactive';
  page.document.dispatchEvent(new Event('DOMContentLoaded'));
  await pass(999);
  assert.equal(ended, null);
  await pass(1);
  assert.equal(ended.code, 'extension_unavailable');
});

test('acknowledged while the document still loads: the second does not count', async () => {
  const page = new Page(new Browser(), {extension: false, readyState: 'loading'});
  let ended = null;
  outcome(page.library.authenticate(NONCE)).then(value => { ended = value; });
  await settle();
  page.window.deliver({tokenbridge: 'acknowledged', id: page.window.posted[0].id});
  page.document.dispatchEvent(new Event('DOMContentLoaded'));
  await pass(60_000);
  assert.equal(ended, null);
});

test('an extension that stops answering does not leave the page hanging', async () => {
  const page = new Page(new Browser(), {extension: false});
  let ended = null;
  outcome(page.library.authenticate(NONCE, {timeout: 10_000})).then(value => { ended = value; });
  await settle();
  page.window.deliver({tokenbridge: 'acknowledged', id: page.window.posted[0].id});
  await pass(1_029_999);
  assert.equal(ended, null);
  await pass(1);
  assert.equal(ended.code, 'extension_unavailable');
});

test('messages that are not from this window, this origin and this request are not believed', async () => {
  const page = new Page(new Browser(), {extension: false});
  let ended = null;
  outcome(page.library.authenticate(NONCE)).then(value => { ended = value; });
  await settle();
  const {id} = page.window.posted[0];
  const forged = {tokenbridge: 'response', id, result: {forged: true}};
  page.window.deliver(forged, {source: new EventTarget()});
  page.window.deliver(forged, {source: null});
  page.window.deliver(forged, {origin: 'https://evil.example'});
  page.window.deliver({...forged, id: 'another'});
  page.window.deliver({...forged, tokenbridge: 'request'});
  page.window.deliver(null);
  page.window.deliver('text');
  await settle();
  assert.equal(ended, null);
  page.window.deliver({tokenbridge: 'response', id, result: TOKEN});
  await settle();
  assert.deepEqual(ended, {result: TOKEN});
});

test('an error word that is not in the list becomes internal', async () => {
  const page = new Page(new Browser(), {extension: false});
  const promise = outcome(page.library.status());
  await settle();
  page.window.deliver({tokenbridge: 'response', id: page.window.posted[0].id, error: {code: 'made_up', message: 'text'}});
  const {code, message} = await promise;
  assert.deepEqual({code, message}, {code: 'internal', message: 'text'});
});

test('a signal that is already aborted: nothing is posted', async () => {
  const page = new Page(new Browser());
  const reason = new Error('changed my mind');
  const {error} = await outcome(page.library.authenticate(NONCE, {signal: AbortSignal.abort(reason)}));
  assert.equal(error, reason);
  assert.deepEqual(page.window.posted, []);
});

test('abort rejects with the signal\'s reason and cancels at the host', async () => {
  const browser = new Browser();
  browser.program.answers.authenticate = () => undefined;
  const page = new Page(browser);
  const controller = new AbortController();
  const promise = outcome(page.library.authenticate(NONCE, {signal: controller.signal}));
  await settle();
  assert.equal(browser.program.pending.size, 1);
  const reason = new Error('enough');
  controller.abort(reason);
  assert.equal((await promise).error, reason);
  await settle();
  assert.equal(browser.program.named('cancel').length, 1);
  assert.equal(browser.program.named('cancel')[0].params.id, browser.program.dialogs[0].id);
  assert.equal(browser.program.pending.size, 0);
});

test('abort after the answer does nothing', async () => {
  const browser = new Browser();
  const page = new Page(browser);
  const controller = new AbortController();
  await page.library.authenticate(NONCE, {signal: controller.signal});
  const before = page.window.posted.length;
  controller.abort();
  await settle();
  assert.equal(page.window.posted.length, before);
});

test('requests at the same time each get their own answer', async () => {
  const browser = new Browser();
  const page = new Page(browser);
  const ids = [];
  browser.program.answers.status = (_params, {id}, program) => {
    if (program.requests.length === 1) return {version: '0.1.0', protocol: 1};
    ids.push(id);
    if (ids.length === 2) ids.reverse().forEach((late, i) => program.reply(late, {version: `${i}`, protocol: 1}));
    return undefined;
  };
  await page.library.status();
  const [a, b] = await Promise.all([page.library.status(), page.library.status()]);
  assert.deepEqual([a.host, b.host], ['1', '0']);
});

test('outside a page: extension_unavailable, not a crash', async () => {
  const {status} = await import('../../extension-js/page/tokenbridge.js');
  assert.equal((await outcome(status())).code, 'extension_unavailable');
});
