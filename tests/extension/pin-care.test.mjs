// SPDX-License-Identifier: Apache-2.0
// Changing and unblocking a PIN from the popup: the background has the request, whatever becomes of
// the popup, and whoever looks learns how it stands.
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {IDLE_MS} from '../../extension-js/src/host.js';
import {NEWS_MS} from '../../extension-js/src/pin-care.js';
import {Browser, POPUP, holdTime, pass, refuse, settle} from './fakes.mjs';

holdTime();

const CARD = {module: 'opensc', slot: 3, token: '00ff', name: 'Staff card', lang: 'fa'};
const PIN = {state: 'ok', pad: false, min: 4, max: 8};

/** A popup that watches; `tasks` is what it was told. */
async function openPopup(browser) {
  const port = browser.connectAs('popup', POPUP);
  port.postMessage({method: 'watchPin'});
  await settle();
  return Object.defineProperty(port, 'tasks', {get: () => port.messages.filter(({method}) => method === 'watchPin').map(({result}) => result)});
}

async function begin(browser, method = 'changePin', params = CARD) {
  const port = browser.connectAs('popup', POPUP);
  port.postMessage({method, params});
  await settle();
  return port;
}

/** The person finishes, or not, in the dialog. */
const keepOpen = browser => {
  browser.program.answers.changePin = () => undefined;
  browser.program.answers.unblockPin = () => undefined;
};
const finish = async browser => {
  browser.program.reply(browser.program.dialogs.at(-1).id, {pin: PIN});
  await settle();
};

for (const method of ['changePin', 'unblockPin']) {
  test(`${method}: the host gets what it knows a token by, and nothing of people's names`, async () => {
    const browser = new Browser();
    const popup = await openPopup(browser);
    const asker = await begin(browser, method);
    assert.deepEqual(asker.messages, [{method, result: {}}]);
    assert.deepEqual(browser.program.dialogs.map(({method: asked, params}) => [asked, params]),
      [[method, {module: 'opensc', slot: 3, token: '00ff', lang: 'fa'}]]);
    const {lang, ...token} = CARD;
    assert.deepEqual(popup.tasks, [{...token, method, state: 'open'}, {...token, method, state: 'done', pin: PIN}]);
    assert.equal(lang, 'fa');
  });
}

test('a failure arrives with its word', async () => {
  const browser = new Browser();
  browser.program.answers.changePin = () => refuse('pin_invalid', 'Too short.');
  const popup = await openPopup(browser);
  await begin(browser);
  assert.deepEqual(popup.tasks.at(-1).error, {code: 'pin_invalid', message: 'Too short.'});
  assert.equal(popup.tasks.at(-1).state, 'failed');
});

test('a host that dies, or is not there, is a failure too', async () => {
  const browser = new Browser();
  keepOpen(browser);
  const popup = await openPopup(browser);
  await begin(browser);
  browser.program.exit();
  await settle();
  assert.equal(popup.tasks.at(-1).error.code, 'host_unavailable');
  browser.missing = 'Specified native messaging host not found.';
  await begin(browser);
  assert.equal(popup.tasks.at(-1).error.code, 'host_unavailable');
});

test('the request outlives the popup, and keeps the program', async () => {
  const browser = new Browser();
  keepOpen(browser);
  const popup = await openPopup(browser);
  const asker = await begin(browser);
  asker.disconnect();
  popup.disconnect();
  await pass(IDLE_MS + 1);
  assert.equal(browser.program.named('cancel').length, 0);
  assert.equal(browser.program.ends, 0);
  // Who opens it again sees that it is under way, and then how it ended.
  const again = await openPopup(browser);
  assert.deepEqual(again.tasks.map(({state}) => state), ['open']);
  await finish(browser);
  assert.deepEqual(again.tasks.map(({state}) => state), ['open', 'done']);
});

test('an outcome that nobody saw is told once, even by a background that was ended meanwhile', async () => {
  const browser = new Browser();
  await begin(browser);
  await settle();
  browser.startBackground();
  assert.deepEqual((await openPopup(browser)).tasks.map(({state, name}) => [state, name]), [['done', 'Staff card']]);
  assert.deepEqual((await openPopup(browser)).tasks, []);
});

test('an outcome that was seen is not told again', async () => {
  const browser = new Browser();
  await openPopup(browser);
  await begin(browser);
  assert.deepEqual((await openPopup(browser)).tasks, []);
});

test('old outcomes are no news', async () => {
  const browser = new Browser();
  await begin(browser);
  await pass(NEWS_MS);
  assert.deepEqual((await openPopup(browser)).tasks, []);
});

test('one at a time', async () => {
  const browser = new Browser();
  keepOpen(browser);
  await begin(browser);
  const second = await begin(browser, 'unblockPin');
  assert.equal(second.messages[0].error.code, 'busy');
  assert.equal(browser.program.dialogs.length, 1);
  await finish(browser);
  const third = await begin(browser, 'unblockPin');
  assert.deepEqual(third.messages[0].result, {});
  assert.equal(browser.program.dialogs.length, 2);
});

test('what names no token is refused without asking the host', async t => {
  for (const params of [null, [], {}, {...CARD, module: 7}, {...CARD, slot: '3'}, {...CARD, slot: 1.5}, {...CARD, token: undefined},
    {...CARD, name: null}, {...CARD, lang: {}}]) {
    await t.test(JSON.stringify(params), async () => {
      const browser = new Browser();
      assert.equal((await begin(browser, 'changePin', params)).messages[0].error.code, 'invalid_request');
      assert.equal(browser.program.starts, 0);
    });
  }
});

test('it is waited for until the host\'s own deadlines are over', async () => {
  const browser = new Browser();
  keepOpen(browser);
  const {status} = browser.program.answers;
  browser.program.answers.status = () => ({...status(), limits: {user: 300_000, list: 5_000, sign: 30_000, pinPad: 90_000}});
  const popup = await openPopup(browser);
  await begin(browser);
  await pass(439_000);
  assert.equal(popup.tasks.at(-1).state, 'open');
  await pass(1_000);
  assert.equal(popup.tasks.at(-1).error.code, 'host_unavailable');
});

test('a store that fails costs no more than the news', async () => {
  const browser = new Browser();
  browser.api.storage.session.set = async () => { throw new Error('full'); };
  browser.api.storage.session.get = async () => { throw new Error('gone'); };
  await begin(browser);
  assert.deepEqual((await openPopup(browser)).tasks, []);
  assert.deepEqual((await begin(browser)).messages[0].result, {});
});
