// SPDX-License-Identifier: Apache-2.0
// The native port: opened on demand, version checked once, shared, let go; every way it can fail.
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {IDLE_MS, PLAIN_MS, explainDisconnect} from '../../extension-js/src/host.js';
import {Browser, NONCE, POPUP, Page, holdTime, outcome, pass, refuse, settle} from './fakes.mjs';

holdTime();

const MISSING = {
  chromium: 'Specified native messaging host not found.',
  firefox: 'No such native application tokenbridge',
  forbidden: 'Access to the specified native messaging host is forbidden.',
};

test('nothing is started before a page asks', async () => {
  const browser = new Browser();
  new Page(browser);
  await settle();
  assert.equal(browser.program.starts, 0);
});

test('one program serves many requests, and is let go when it has been idle', async () => {
  const browser = new Browser();
  const page = new Page(browser);
  await page.library.status();
  await pass(IDLE_MS - 1);
  await page.library.status();
  assert.equal(browser.nativeName, 'tokenbridge');
  assert.equal(browser.program.starts, 1);
  await pass(IDLE_MS - 1);
  assert.equal(browser.program.ends, 0);
  await pass(1);
  assert.equal(browser.program.ends, 1);
  await page.library.status();
  assert.equal(browser.program.starts, 2);
});

test('an open request keeps the program, however long the user takes', async () => {
  const browser = new Browser();
  browser.program.answers.authenticate = () => undefined;
  const page = new Page(browser);
  const promise = outcome(page.library.authenticate(NONCE));
  await pass(100_000);
  await page.library.status();
  await pass(IDLE_MS + 1);
  assert.equal(browser.program.ends, 0);
  browser.program.reply(browser.program.dialogs[0].id, {done: true});
  assert.deepEqual((await promise).result, {done: true});
  await pass(IDLE_MS);
  assert.equal(browser.program.ends, 1);
});

test('the first status of a port is the version check and answers the page\'s status too', async () => {
  const browser = new Browser();
  const page = new Page(browser);
  await page.library.status();
  assert.equal(browser.program.requests.length, 1);
  await page.library.status();
  assert.equal(browser.program.requests.length, 2);
});

test('requests are JSON-RPC 2.0 with ids of their own', async () => {
  const browser = new Browser();
  const page = new Page(browser);
  await page.library.authenticate(NONCE);
  await page.library.status();
  const ids = browser.program.requests.map(({id}) => id);
  assert.equal(new Set(ids).size, 3);
  for (const request of browser.program.requests) {
    assert.equal(request.jsonrpc, '2.0');
    assert.deepEqual(Object.keys(request).sort(), request.method === 'status' ? ['id', 'jsonrpc', 'method'] : ['id', 'jsonrpc', 'method', 'params']);
  }
});

for (const [protocol, update] of [[2, 'extension'], [0, 'program']]) {
  test(`protocol ${protocol} is a version_mismatch before any dialog opens`, async () => {
    const browser = new Browser();
    browser.program.answers.status = () => ({version: '9.0.0', protocol});
    const {code, message} = await outcome(new Page(browser).library.authenticate(NONCE));
    assert.equal(code, 'version_mismatch');
    assert.match(message, new RegExp(`9\\.0\\.0.*Update the ${update}`));
    assert.deepEqual(browser.program.dialogs, []);
    await settle();
    assert.equal(browser.program.ends, 1);
  });
}

test('after an update the next request works without restarting the browser', async () => {
  const browser = new Browser();
  const {status} = browser.program.answers;
  browser.program.answers.status = () => ({version: '9.0.0', protocol: 2});
  const page = new Page(browser);
  assert.equal((await outcome(page.library.status())).code, 'version_mismatch');
  browser.program.answers.status = status;
  assert.equal((await page.library.status()).host, '0.1.0');
});

test('a program that is not there: host_unavailable that says what to do', async t => {
  for (const [name, firefox, text, hint] of [
    ['Chromium, missing', false, MISSING.chromium, /not installed.*tokenbridge install/],
    ['Chromium, forbidden', false, MISSING.forbidden, /manifest does not allow/],
    ['Chromium, ends at once', false, 'Native host has exited.', /ended as soon as/],
    ['Chromium, garbage', false, 'Error when communicating with the native messaging host.', /browser refused/],
    ['Firefox, missing or forbidden', true, MISSING.firefox, /not installed/],
    ['Firefox, ends at once', true, 'An unexpected error occurred', /ended as soon as/],
    ['Firefox, no text', true, '', /ended as soon as/],
  ]) {
    await t.test(name, async () => {
      const browser = new Browser({firefox});
      browser.missing = text;
      const {code, message} = await outcome(new Page(browser).library.status());
      assert.equal(code, 'host_unavailable');
      assert.match(message, hint);
      // As soon as it has been installed it is found, without a reload.
      browser.missing = null;
      assert.equal((await new Page(browser).library.status()).host, '0.1.0');
    });
  }
});

test('hints tell the cases apart for the popup', () => {
  assert.equal(explainDisconnect(MISSING.chromium, false).details.hint, 'missing');
  assert.equal(explainDisconnect(MISSING.firefox, false).details.hint, 'missing');
  assert.equal(explainDisconnect(MISSING.forbidden, false).details.hint, 'forbidden');
  assert.equal(explainDisconnect('Native host has exited.', true).details.hint, 'exited');
});

test('a program that dies with requests open fails them all, and the next request starts a new one', async () => {
  const browser = new Browser();
  browser.program.answers.authenticate = () => undefined;
  const one = outcome(new Page(browser).library.authenticate(NONCE));
  const two = outcome(new Page(browser, {origin: 'https://two.example'}).library.authenticate(NONCE));
  await settle();
  browser.program.exit();
  for (const {code, message} of [await one, await two]) {
    assert.equal(code, 'host_unavailable');
    assert.match(message, /ended before it had answered/);
  }
  await new Page(browser).library.status();
  assert.equal(browser.program.starts, 2);
});

test('a program that does not answer is ended and the request fails', async () => {
  const browser = new Browser();
  browser.program.answers.status = () => undefined;
  const promise = outcome(new Page(browser).library.status());
  await pass(PLAIN_MS - 1);
  assert.equal(browser.program.ends, 0);
  await pass(1);
  assert.equal((await promise).code, 'host_unavailable');
  assert.equal(browser.program.ends, 1);
});

/** How long a request that is never answered is waited for. */
async function patienceOf(browser, ask) {
  let ms = 0;
  ask();
  await settle();
  for (; browser.program.ends === 0 && ms <= 2_000_000; ms += 1_000) await pass(1_000);
  return ms;
}

test('a request with a dialog is waited for until the host\'s own deadlines are all over', async t => {
  const {status} = new Browser().program.answers;
  for (const [name, limits, timeout, expected] of [
    ['as usual, 5 s for the user', undefined, 5_000, 145_000],
    ['as usual, and as the host says', undefined, undefined, 260_000],
    ['a raised user-timeout', {user: 600_000, list: 5_000, sign: 30_000, pinPad: 90_000}, undefined, 740_000],
    ['a raised user-timeout, and the page\'s own', {user: 600_000, list: 5_000, sign: 30_000, pinPad: 90_000}, 1_000, 141_000],
    ['a slow key pad', {user: 120_000, list: 5_000, sign: 30_000, pinPad: 300_000}, undefined, 470_000],
    ['nonsense', {user: 'long', list: -1, sign: 1e9, pinPad: null}, undefined, 260_000],
    ['no limits at all', 7, undefined, 260_000],
  ]) {
    await t.test(name, async () => {
      const browser = new Browser();
      browser.program.answers.status = () => ({...status(), limits});
      browser.program.answers.authenticate = () => undefined;
      let ended;
      const waited = await patienceOf(browser, () => {
        ended = outcome(new Page(browser).library.authenticate(NONCE, timeout === undefined ? {} : {timeout}));
      });
      assert.equal(waited, expected);
      assert.equal((await ended).code, 'host_unavailable');
    });
  }
});

test('the popup\'s listing waits for a token that is at work', async () => {
  const browser = new Browser();
  const {status} = browser.program.answers;
  browser.program.answers.status = () => ({...status(), limits: {user: 120_000, list: 60_000, sign: 300_000, pinPad: 90_000}});
  browser.program.answers.listTokens = () => undefined;
  const waited = await patienceOf(browser, () => browser.connectAs('popup', POPUP).postMessage({method: 'listTokens'}));
  assert.equal(waited, 375_000);
});

test('what is not JSON-RPC, or not Tokenbridge, is host_unavailable', async t => {
  for (const [name, say] of Object.entries({
    'no jsonrpc': id => ({id, result: {version: '0.1.0', protocol: 1}}),
    'id a number': () => ({jsonrpc: '2.0', id: 1, result: {}}),
    'result and error': id => ({jsonrpc: '2.0', id, result: {}, error: {}}),
    neither: id => ({jsonrpc: '2.0', id}),
    'a string': () => 'hello',
    'null': () => null,
    'a list': () => [],
    'version missing': id => ({jsonrpc: '2.0', id, result: {protocol: 1}}),
    'protocol a string': id => ({jsonrpc: '2.0', id, result: {version: '1.0.0', protocol: '1'}}),
    'result null': id => ({jsonrpc: '2.0', id, result: null}),
  })) {
    await t.test(name, async () => {
      const browser = new Browser();
      browser.program.answers.status = (_params, {id}, program) => {
        program.say(say(id));
        return undefined;
      };
      assert.equal((await outcome(new Page(browser).library.status())).code, 'host_unavailable');
      await settle();
      assert.equal(browser.program.ends, 1);
    });
  }
});

test('an error without an id fails what is open, with its own word', async () => {
  const browser = new Browser();
  browser.program.answers.authenticate = (_params, _request, program) => {
    program.say({jsonrpc: '2.0', id: null, error: {code: -32700, message: 'not JSON', data: {reason: 'invalid_request'}}});
    return undefined;
  };
  assert.equal((await outcome(new Page(browser).library.authenticate(NONCE))).code, 'invalid_request');
});

test('a port that takes no more is given up, and the next request opens another', async () => {
  const browser = new Browser();
  const page = new Page(browser);
  await page.library.status();
  browser.bridge.host.port.postMessage = () => { throw new Error('Attempting to use a disconnected port object'); };
  assert.equal((await outcome(page.library.status())).code, 'host_unavailable');
  assert.equal((await page.library.status()).host, '0.1.0');
  assert.equal(browser.program.starts, 2);
});

test('a browser that refuses to connect at all is asked again next time', async () => {
  const browser = new Browser();
  const {connectNative} = browser.api.runtime;
  browser.api.runtime.connectNative = () => { throw new Error('Access to the specified native messaging host is forbidden.'); };
  const page = new Page(browser);
  const {code, message} = await outcome(page.library.status());
  assert.equal(code, 'host_unavailable');
  assert.match(message, /manifest does not allow/);
  browser.api.runtime.connectNative = connectNative;
  assert.equal((await page.library.status()).host, '0.1.0');
});

test('an answer to no open request is ignored', async () => {
  const browser = new Browser();
  const page = new Page(browser);
  await page.library.status();
  browser.program.say({jsonrpc: '2.0', id: 'b999', result: {}});
  await settle();
  assert.equal((await page.library.status()).host, '0.1.0');
  assert.equal(browser.program.starts, 1);
});

test('every word of the host arrives at the page as it is', async () => {
  const words = ['user_timeout', 'token_missing', 'token_removed', 'no_certificate', 'pin_blocked', 'pin_incorrect',
    'pin_pad_failed', 'pin_invalid', 'puk_incorrect', 'puk_blocked', 'module_failed', 'module_timeout',
    'origin_refused', 'busy', 'aborted', 'invalid_request', 'unsupported', 'internal', 'user_cancelled'];
  const browser = new Browser();
  const page = new Page(browser);
  for (const word of words) {
    browser.program.answers.authenticate = () => refuse(word, `text of ${word}`);
    const {code, message} = await outcome(page.library.authenticate(NONCE));
    assert.deepEqual({code, message}, {code: word, message: `text of ${word}`});
  }
});

test('an unknown word of the host becomes internal, never user_cancelled', async t => {
  for (const reason of ['canceled', '', 'gesture_required', 'host_unavailable', undefined, 7]) {
    await t.test(String(reason), async () => {
      const browser = new Browser();
      browser.program.answers.authenticate = (_params, {id}, program) => {
        program.say({jsonrpc: '2.0', id, error: {code: -1, message: 'x', ...(reason === undefined ? {} : {data: {reason}})}});
        return undefined;
      };
      assert.equal((await outcome(new Page(browser).library.authenticate(NONCE))).code, 'internal');
    });
  }
});

test('a request of over 64 KiB is refused here, with bytes counted, not characters', async () => {
  const browser = new Browser();
  const page = new Page(browser);
  page.ask('1', 'authenticate', {nonce: '€'.repeat(22_000)});
  await settle();
  assert.equal(page.answers('1')[0].error.code, 'invalid_request');
  assert.deepEqual(browser.program.dialogs, []);
});
