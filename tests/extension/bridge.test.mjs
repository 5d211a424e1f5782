// SPDX-License-Identifier: Apache-2.0
// Content script and background together: who may ask what, and how requests end.
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {OPEN_MAX} from '../../extension-js/src/bridge.js';
import {WAIT_MS} from '../../extension-js/src/cancels.js';
import {Browser, EXTENSION_ID, NONCE, POPUP, Page, TOKEN, holdTime, outcome, pass, refuse, settle} from './fakes.mjs';

holdTime();

test('the origin is the browser\'s word, whatever the page says', async () => {
  const browser = new Browser();
  const page = new Page(browser, {origin: 'https://real.example'});
  await page.library.authenticate(NONCE);
  assert.equal(browser.program.dialogs[0].params.origin, 'https://real.example');
  for (const name of ['origin', 'topOrigin', '__proto__x', 'constructor']) {
    page.ask(name, 'authenticate', {nonce: NONCE, [name]: 'https://other.example'});
    await settle();
    assert.equal(page.answers(name)[0].error.code, 'invalid_request');
    assert.match(page.answers(name)[0].error.message, new RegExp(name));
  }
  assert.equal(browser.program.dialogs.length, 1);
});

test('the content script acknowledges at once, before the background has said anything', async () => {
  const page = new Page(new Browser());
  page.window.deliver({tokenbridge: 'request', id: 'x', method: 'status'});
  assert.deepEqual(page.window.posted, [{tokenbridge: 'acknowledged', id: 'x'}]);
});

test('answers go to the page\'s own origin only', async () => {
  const page = new Page(new Browser());
  await page.library.authenticate(NONCE);
  assert.deepEqual([...page.window.targets], ['https://site.example']);
});

test('params over 64 KiB do not even reach the background', async () => {
  const page = new Page(new Browser());
  page.ask('x', 'authenticate', {nonce: 'A'.repeat(65_536)});
  await settle();
  assert.equal(page.answers('x')[0].error.code, 'invalid_request');
  assert.equal(page.port, undefined);
});

test('what is not a request of the page\'s own window is dropped without a word', async t => {
  const good = {tokenbridge: 'request', id: 'x', method: 'status', params: {}};
  for (const [name, data, from] of [
    ['another window', good, {source: new EventTarget()}],
    ['no window', good, {source: null}],
    ['a string', 'tokenbridge', {}],
    ['null', null, {}],
    ['a number', 7, {}],
    ['no id', {...good, id: undefined}, {}],
    ['id a number', {...good, id: 7}, {}],
    ['id empty', {...good, id: ''}, {}],
    ['id of 65 characters', {...good, id: 'x'.repeat(65)}, {}],
    ['a response', {...good, tokenbridge: 'response'}, {}],
    ...['listTokens', 'changePin', 'unblockPin', 'watchPin'].map(method =>
      [method, {...good, method, params: {module: 'x', slot: 0, token: 's', name: 'n', lang: 'en'}}, {}]),
    ['method from Object.prototype', {...good, method: 'toString'}, {}],
    ['no method', {...good, method: undefined}, {}],
  ]) {
    await t.test(name, async () => {
      const browser = new Browser();
      const page = new Page(browser);
      page.window.deliver(data, from);
      await settle();
      assert.deepEqual(page.window.posted, []);
      assert.equal(page.port, undefined);
      assert.equal(browser.program.starts, 0);
    });
  }
});

test('wrong params are invalid_request', async t => {
  const cycle = {};
  cycle.self = cycle;
  for (const [name, method, params] of [
    ['a list', 'authenticate', []],
    ['a string', 'authenticate', 'nonce'],
    ['null', 'authenticate', null],
    ['a member of another method', 'getSigningCertificate', {nonce: NONCE}],
    ['any member for status', 'status', {x: 1}],
    ['timeout a string', 'authenticate', {nonce: NONCE, timeout: '5000'}],
    ['timeout too long', 'authenticate', {nonce: NONCE, timeout: 600_001}],
    ['timeout NaN', 'authenticate', {nonce: NONCE, timeout: NaN}],
    ['too long', 'authenticate', {nonce: 'A'.repeat(70_000)}],
    ['a cycle', 'authenticate', cycle],
    ['a BigInt', 'authenticate', {nonce: 1n}],
  ]) {
    await t.test(name, async () => {
      const browser = new Browser();
      const page = new Page(browser);
      page.window.deliver({tokenbridge: 'request', id: 'x', method, params});
      await settle();
      assert.equal(page.answers('x')[0].error.code, 'invalid_request');
      assert.deepEqual(browser.program.dialogs, []);
    });
  }
});

test('an id that is still open is refused', async () => {
  const browser = new Browser();
  browser.program.answers.authenticate = () => undefined;
  const page = new Page(browser);
  page.ask('same', 'authenticate', {nonce: NONCE});
  await settle();
  page.ask('same', 'authenticate', {nonce: NONCE});
  await settle();
  assert.equal(page.answers('same').length, 1);
  assert.equal(page.answers('same')[0].error.code, 'invalid_request');
  assert.equal(browser.program.dialogs.length, 1);
});

test('two pages with the same id do not meet', async () => {
  const browser = new Browser();
  browser.program.answers.authenticate = ({origin}) => ({for: origin});
  const pages = ['https://a.example', 'https://b.example'].map(origin => new Page(browser, {origin}));
  for (const page of pages) page.ask('1', 'authenticate', {nonce: NONCE});
  await settle();
  assert.deepEqual(pages.map(page => page.answers('1')[0].result.for), ['https://a.example', 'https://b.example']);
});

test('a page cannot keep more than its share open', async () => {
  const browser = new Browser();
  browser.program.answers.authenticate = () => undefined;
  browser.managed = {gestureExemptOrigins: ['https://site.example']};
  const page = new Page(browser);
  for (let i = 0; i <= OPEN_MAX; i++) page.ask(`${i}`, 'authenticate', {nonce: NONCE});
  await settle(40);
  assert.equal(browser.program.dialogs.length, OPEN_MAX);
  assert.equal(page.answers(`${OPEN_MAX}`)[0].error.code, 'busy');
});

test('an insecure context gets its own word', async () => {
  const browser = new Browser();
  const page = new Page(browser, {origin: 'http://site.example', secure: false});
  page.ask('x', 'authenticate', {nonce: NONCE});
  await settle();
  assert.equal(page.answers('x')[0].error.code, 'insecure_context');
  assert.equal(browser.program.starts, 0);
});

test('the port to the background is let go when nothing is open', async () => {
  const page = new Page(new Browser());
  await page.library.status();
  await settle();
  assert.equal(page.port.open, false);
  assert.equal((await page.library.status()).host, '0.1.0');
});

test('the host\'s status is cut down for pages: no module paths', async () => {
  const page = new Page(new Browser());
  page.ask('x', 'status');
  await settle();
  assert.deepEqual(page.answers('x')[0].result, {extension: '0.1.0', host: '0.1.0', protocol: 1});
});

// Frames

test('a frame is refused with a clear word, also in its own origin', async () => {
  const browser = new Browser();
  for (const tabUrl of ['https://top.example/', 'https://site.example/']) {
    const page = new Page(browser, {frameId: 3, tabUrl});
    const {code, message} = await outcome(page.library.authenticate(NONCE));
    assert.equal(code, 'origin_refused');
    assert.match(message, /inside a frame/);
  }
  assert.equal(browser.program.starts, 0);
});

test('a frame that policy allows sends both origins', async () => {
  const browser = new Browser();
  browser.managed = {framedOrigins: ['https://site.example']};
  await new Page(browser, {frameId: 12884901889, tabUrl: 'https://top.example:8443/a?b#c'}).library.authenticate(NONCE);
  assert.deepEqual(browser.program.dialogs[0].params, {origin: 'https://site.example', topOrigin: 'https://top.example:8443', nonce: NONCE});
});

test('an allowed frame is refused when the top page is blocked or has no origin', async () => {
  const browser = new Browser();
  browser.managed = {framedOrigins: ['https://site.example'], blockedOrigins: ['https://bad.example']};
  for (const tabUrl of ['https://bad.example/', 'not a url', 'data:text/html,x', 'about:blank', undefined]) {
    const page = new Page(browser, {frameId: 1});
    page.sender.tab.url = tabUrl;
    assert.equal((await outcome(page.library.authenticate(NONCE))).code, 'origin_refused');
  }
});

test('a sandboxed frame is answered with an error instead of hanging', async () => {
  const browser = new Browser();
  browser.managed = {framedOrigins: ['https://site.example']};
  const page = new Page(browser, {origin: 'null', frameId: 2});
  page.window.deliver({tokenbridge: 'request', id: 'x', method: 'status'});
  await settle();
  assert.equal(page.answers('x')[0].error.code, 'origin_refused');
});

test('a sender without an origin is refused', async () => {
  const page = new Page(new Browser());
  delete page.sender.origin;
  assert.equal((await outcome(page.library.status())).code, 'origin_refused');
});

// Gestures

test('methods that open the dialog need a gesture; status does not', async () => {
  const browser = new Browser();
  const page = new Page(browser);
  page.active = false;
  await page.library.status();
  for (const call of [
    () => page.library.authenticate(NONCE),
    () => page.library.getSigningCertificate(),
    () => page.library.sign('MIIB', Buffer.alloc(32).toString('base64'), 'SHA-256'),
  ]) assert.equal((await outcome(call())).code, 'gesture_required');
  assert.deepEqual(browser.program.dialogs, []);
});

test('a page cannot claim a gesture', async () => {
  const browser = new Browser();
  const page = new Page(browser);
  page.active = false;
  page.window.deliver({tokenbridge: 'request', id: 'x', method: 'authenticate', params: {nonce: NONCE}, gesture: true, secure: true});
  await settle();
  assert.equal(page.answers('x')[0].error.code, 'gesture_required');
});

test('a gesture seen by status() counts for ten seconds, for one dialog', async () => {
  const page = new Page(new Browser());
  await page.library.status();
  page.active = false;
  page.now += 9_999;
  assert.deepEqual(await page.library.authenticate(NONCE), TOKEN);
  assert.equal((await outcome(page.library.authenticate(NONCE))).code, 'gesture_required');
  page.active = true;
  await page.library.status();
  page.active = false;
  page.now += 10_000;
  assert.equal((await outcome(page.library.authenticate(NONCE))).code, 'gesture_required');
});

test('after an act in the dialog one signature may follow within a minute', async () => {
  const page = new Page(new Browser());
  const sign = () => outcome(page.library.sign('MIIB', Buffer.alloc(32).toString('base64'), 'SHA-256'));
  await page.library.getSigningCertificate();
  page.active = false;
  page.now += 59_999;
  assert.equal((await sign()).result.signature, 'c2ln');
  page.now += 59_999;
  assert.equal((await sign()).result.signature, 'c2ln', 'a signature is an act too');
  page.now += 60_000;
  assert.equal((await sign()).code, 'gesture_required');
});

test('an act in the dialog does not open another kind of dialog, and a failure is no act', async () => {
  const browser = new Browser();
  const page = new Page(browser);
  await page.library.authenticate(NONCE);
  page.active = false;
  assert.equal((await outcome(page.library.authenticate(NONCE))).code, 'gesture_required');
  page.active = true;
  browser.program.answers.getSigningCertificate = () => refuse('user_cancelled');
  await outcome(page.library.getSigningCertificate());
  page.active = false;
  assert.equal((await outcome(page.library.sign('MIIB', Buffer.alloc(32).toString('base64'), 'SHA-256'))).code, 'gesture_required');
});

test('policy exempts an origin from the gesture', async () => {
  const browser = new Browser();
  browser.managed = {gestureExemptOrigins: ['https://site.example']};
  const page = new Page(browser);
  page.active = false;
  assert.deepEqual(await page.library.authenticate(NONCE), TOKEN);
});

// Cancels

test('after three cancels the origin waits ten minutes, others do not', async () => {
  const browser = new Browser();
  browser.program.answers.authenticate = () => refuse('user_cancelled');
  const page = new Page(browser);
  for (let i = 0; i < 3; i++) assert.equal((await outcome(page.library.authenticate(NONCE))).code, 'user_cancelled');
  const {code, message} = await outcome(page.library.authenticate(NONCE));
  assert.equal(code, 'origin_refused');
  assert.match(message, /10 minutes/);
  assert.equal(browser.program.dialogs.length, 3);
  assert.equal((await outcome(new Page(browser, {origin: 'https://other.example'}).library.authenticate(NONCE))).code, 'user_cancelled');
  assert.equal((await page.library.status()).host, '0.1.0', 'status opens no dialog');

  await pass(WAIT_MS - 60_000);
  assert.match((await outcome(page.library.authenticate(NONCE))).message, /1 minute\./);
  await pass(60_000);
  assert.equal((await outcome(page.library.authenticate(NONCE))).code, 'user_cancelled');
});

test('the wait survives the end of the background', async () => {
  const browser = new Browser();
  browser.program.answers.authenticate = () => refuse('user_cancelled');
  const page = new Page(browser);
  await outcome(page.library.authenticate(NONCE));
  await outcome(page.library.authenticate(NONCE));
  browser.startBackground();
  await outcome(page.library.authenticate(NONCE));
  browser.startBackground();
  assert.equal((await outcome(page.library.authenticate(NONCE))).code, 'origin_refused');
});

test('a success, or an hour, makes cancels forgotten; other failures are not counted', async () => {
  const browser = new Browser();
  const page = new Page(browser);
  const run = async reason => {
    browser.program.answers.authenticate = () => (reason ? refuse(reason) : TOKEN);
    return (await outcome(page.library.authenticate(NONCE))).code;
  };
  for (const reason of ['user_cancelled', 'user_cancelled', null, 'user_cancelled', 'user_cancelled']) await run(reason);
  for (const reason of ['user_timeout', 'aborted', 'pin_incorrect', 'busy']) assert.equal(await run(reason), reason);
  await pass(60 * 60 * 1000);
  assert.equal(await run('user_cancelled'), 'user_cancelled');
  assert.equal(await run('user_cancelled'), 'user_cancelled');
  assert.equal(await run(null), undefined);
});

test('cancels at the same time are all counted', async () => {
  const browser = new Browser();
  browser.managed = {gestureExemptOrigins: ['https://site.example']};
  browser.program.answers.authenticate = () => refuse('user_cancelled');
  const page = new Page(browser);
  await Promise.all([1, 2, 3].map(() => outcome(page.library.authenticate(NONCE))));
  await settle();
  assert.equal((await outcome(page.library.authenticate(NONCE))).code, 'origin_refused');
});

test('a clock set back does not lengthen the wait', async () => {
  const browser = new Browser();
  browser.session.cancels = {'https://site.example': {count: 0, last: Date.now(), until: Date.now() + WAIT_MS + 1}};
  assert.deepEqual(await new Page(browser).library.authenticate(NONCE), TOKEN);
});

test('a store that fails costs no signature; one that cannot be read lets nothing pass', async () => {
  const browser = new Browser();
  browser.session.cancels = {'https://site.example': {count: 1, last: Date.now(), until: 0}};
  browser.api.storage.session.set = async () => { throw new Error('quota'); };
  assert.deepEqual(await new Page(browser).library.authenticate(NONCE), TOKEN);
  browser.api.storage.session.get = async () => { throw new Error('broken'); };
  const {code, message} = await outcome(new Page(browser).library.authenticate(NONCE));
  assert.equal(code, 'internal');
  assert.match(message, /broken/);
  assert.equal(browser.program.dialogs.length, 1);
});

// Taking back

for (const [how, end] of Object.entries({
  'closing the tab': page => page.close(),
  'leaving the page': page => page.leave(),
})) {
  test(`${how} cancels the request down to the host`, async () => {
    const browser = new Browser();
    browser.program.answers.authenticate = () => undefined;
    const page = new Page(browser);
    page.ask('x', 'authenticate', {nonce: NONCE});
    await settle();
    end(page);
    await settle();
    assert.deepEqual(browser.program.named('cancel').map(({params}) => params), [{id: browser.program.dialogs[0].id}]);
    assert.equal(browser.program.pending.size, 0);
    assert.deepEqual(browser.session, {}, 'this is no cancel of the user');
  });
}

test('a page that is left and comes back finds its request aborted', async () => {
  const browser = new Browser();
  browser.program.answers.authenticate = () => undefined;
  const page = new Page(browser);
  const promise = outcome(page.library.authenticate(NONCE));
  await settle();
  page.leave();
  assert.equal((await promise).code, 'aborted');
  await settle();
  browser.program.answers.authenticate = () => TOKEN;
  assert.deepEqual(await page.library.authenticate(NONCE), TOKEN);
});

test('a page that goes while the program starts: no dialog opens', async () => {
  const browser = new Browser();
  browser.program.answers.status = (_params, {id}, program) => {
    browser.greet = () => program.reply(id, {version: '0.1.0', protocol: 1});
    return undefined;
  };
  const page = new Page(browser);
  page.ask('x', 'authenticate', {nonce: NONCE});
  await settle();
  page.close();
  await settle();
  browser.greet();
  await settle();
  assert.deepEqual(browser.program.dialogs, []);
});

test('cancel names one request only and tells whether it was open', async () => {
  const browser = new Browser();
  browser.program.answers.authenticate = () => undefined;
  browser.managed = {gestureExemptOrigins: ['https://site.example']};
  const page = new Page(browser);
  page.ask('a', 'authenticate', {nonce: NONCE});
  page.ask('b', 'authenticate', {nonce: NONCE});
  await settle();
  page.ask('c', 'cancel', {id: 'a'});
  page.ask('d', 'cancel', {id: 'nothing'});
  page.ask('n', 'cancel', null);
  await settle();
  assert.deepEqual(page.answers('n')[0].result, {cancelled: false});
  assert.equal(page.answers('a')[0].error.code, 'aborted');
  assert.deepEqual(page.answers('b'), []);
  assert.deepEqual(page.answers('c')[0].result, {cancelled: true});
  assert.deepEqual(page.answers('d')[0].result, {cancelled: false});
  // Another page's id means nothing here.
  const other = new Page(browser, {origin: 'https://other.example'});
  other.ask('e', 'cancel', {id: 'b'});
  await settle();
  assert.deepEqual(other.answers('e')[0].result, {cancelled: false});
  assert.equal(browser.program.named('cancel').length, 1);
});

test('an extension that was updated under the page says so', async () => {
  const page = new Page(new Browser());
  page.orphaned = true;
  const {code, message} = await outcome(page.library.status());
  assert.equal(code, 'extension_unavailable');
  assert.match(message, /Reload/);
});

test('a background that is stopped with a request open fails it', async () => {
  const browser = new Browser();
  browser.program.answers.authenticate = () => undefined;
  const page = new Page(browser);
  const promise = outcome(page.library.authenticate(NONCE));
  await settle();
  page.port.other.disconnect();
  assert.equal((await promise).code, 'extension_unavailable');
});

// The popup's side

const popup = POPUP;
/** What is for the popup alone. */
const OWN_METHODS = ['listTokens', 'changePin', 'unblockPin', 'watchPin', 'policy'];

test('the popup gets status, tokens and policy; in its bubble and in a tab', async () => {
  const browser = new Browser();
  browser.program.answers.listTokens = () => ({modules: [{name: 'x', path: '/x', state: 'ok', tokens: []}]});
  for (const sender of [popup, {...popup, url: `${popup.url}?x#y`, tab: {id: 1}, frameId: 0}]) {
    const port = browser.connectAs('popup', sender);
    for (const method of ['policy', 'status', 'listTokens']) port.postMessage({method});
    await settle();
    const by = Object.fromEntries(port.messages.map(message => [message.method, message]));
    assert.equal(by.status.result.modules[0].path, '/usr/lib/opensc.so');
    assert.equal(by.listTokens.result.modules.length, 1);
    assert.equal(by.policy.result.webEid, true);
  }
});

test('nobody else reaches what is for the popup', async t => {
  for (const [name, sender] of Object.entries({
    'a content script': {id: EXTENSION_ID, url: 'https://site.example/popup/popup.html', origin: 'https://site.example', tab: {id: 1}, frameId: 0},
    'another extension': {...popup, id: 'a'.repeat(32)},
    'another page of ours': {...popup, url: `chrome-extension://${EXTENSION_ID}/page/index.html`},
    'a longer path': {...popup, url: `${popup.url}/x`},
    'a frame': {...popup, frameId: 4},
    'no url': {id: EXTENSION_ID},
    nobody: undefined,
  })) {
    await t.test(name, async () => {
      const browser = new Browser();
      for (const method of OWN_METHODS) {
        const port = browser.connectAs('popup', sender);
        try { port.postMessage({method, params: {module: 'x', slot: 0, token: 's', name: 'n', lang: 'en'}}); } catch { /* already closed */ }
        await settle();
        assert.equal(port.gone, true);
        assert.deepEqual(port.messages, []);
      }
      assert.equal(browser.program.starts, 0);
    });
  }
});

test('a page port of another extension, or of an unknown name, is closed', async () => {
  const browser = new Browser();
  const ports = [browser.connectAs('page', {id: 'a'.repeat(32), origin: 'https://site.example', frameId: 0}), browser.connectAs('other', popup)];
  await settle();
  assert.ok(ports.every(port => port.gone));
});

test('a page port cannot ask for what is the popup\'s, even by a broken content script', async t => {
  for (const method of OWN_METHODS) {
    for (const kind of ['tokenbridge', 'web-eid']) {
      await t.test(`${method}, ${kind}`, async () => {
        const browser = new Browser();
        const port = browser.connectAs('page', {id: EXTENSION_ID, origin: 'https://site.example', url: 'https://site.example/', frameId: 0, tab: {id: 1}});
        port.postMessage({key: 't:1', kind, id: '1', method, params: {module: 'x', slot: 0, token: 's', name: 'n', lang: 'en'}, secure: true, gesture: true});
        await settle();
        if (kind === 'tokenbridge') assert.equal(port.messages[0].post.error.code, 'unsupported');
        else assert.deepEqual(port.messages, [{key: 't:1', done: true}]);
        assert.equal(browser.program.starts, 0);
      });
    }
  }
});

test('closing the popup takes its question back', async () => {
  const browser = new Browser();
  browser.program.answers.listTokens = () => undefined;
  const port = browser.connectAs('popup', popup);
  port.postMessage({method: 'listTokens'});
  await settle();
  port.disconnect();
  await settle();
  assert.equal(browser.program.named('cancel').length, 1);
});

test('the popup learns why the program is not there', async () => {
  const browser = new Browser();
  browser.missing = 'Specified native messaging host not found.';
  const port = browser.connectAs('popup', popup);
  port.postMessage({method: 'status'});
  await settle();
  assert.equal(port.messages[0].error.details.hint, 'missing');
});
