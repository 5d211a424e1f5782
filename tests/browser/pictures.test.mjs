// SPDX-License-Identifier: Apache-2.0
//
// The dialog and the popup as people see them. The pictures are judged roughly (there is something on
// them, light is light and dark is dark), and kept in $TOKENBRIDGE_PICTURES when that names a folder:
// "npm run pictures" renews those of the documentation.

import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';
import {execFileSync} from 'node:child_process';
import {mkdirSync} from 'node:fs';
import path from 'node:path';
import {NativeHost} from './native-host.mjs';
import {makeLab, Stage} from './stage.mjs';
import {nonce} from './test-pages.mjs';

let lab;
before(() => { lab = makeLab(); });
after(() => lab?.remove());

/** Where a picture goes. */
function place(stage, name) {
  const folder = process.env.TOKENBRIDGE_PICTURES ?? stage.dir;
  mkdirSync(folder, {recursive: true});
  return path.join(folder, name);
}

/** Size, number of colours, and brightness from 0 to 1. */
function judge(file) {
  const [width, height, colours, brightness] = execFileSync('identify', ['-format', '%w %h %k %[fx:mean]', file],
    {encoding: 'utf8'}).split(' ').map(Number);
  return {width, height, colours, brightness};
}

/** The dialog that a request of the host's opens, with bullets in its fields. */
async function dialog(name, request, {typed = ['123456'], token = 'default', dark = false} = {}) {
  const stage = await Stage.set(null, lab, {token, dark});
  try {
    const host = new NativeHost(stage.env);
    const answer = request(host);
    answer.catch(() => {}); // looked at below, after the picture
    const window = await stage.display.window();
    for (const [number, text] of typed.entries()) {
      if (number) await stage.display.press('Tab');
      await stage.display.type(text);
    }
    await stage.display.settled();
    const file = place(stage, name);
    await stage.display.picture(file, window.id);
    const seen = judge(file);
    await stage.display.press('Escape');
    await assert.rejects(answer, {code: 'user_cancelled'});
    assert.equal(await host.close(), 0);
    return {...seen, title: window.title};
  } finally {
    await stage.close();
  }
}

/** An ordinary https site asks. */
function signIn(lang) {
  return host => host.call('authenticate', {origin: 'https://portal.example.org', nonce, lang});
}

/** The user asks, in the extension's popup, for the token that is there. */
function pinCare(method, lang) {
  return async host => {
    const {modules: [module]} = await host.call('listTokens');
    const [{slot, serial}] = module.tokens;
    return host.call(method, {module: module.name, slot, token: serial, lang});
  };
}

function plausible({width, height, colours}) {
  assert.ok(width >= 300 && width <= 800, `width ${width}`);
  assert.ok(height >= 200 && height <= 900, `height ${height}`);
  assert.ok(colours > 50, `${colours} colours`);
}

test('the dialog, light', async () => {
  const seen = await dialog('dialog.png', signIn('en'));
  plausible(seen);
  assert.ok(seen.brightness > 0.7, `brightness ${seen.brightness}`);
  assert.match(seen.title, /portal\.example\.org/);
});

test('the dialog, dark', async () => {
  const seen = await dialog('dialog-dark.png', signIn('en'), {dark: true});
  plausible(seen);
  assert.ok(seen.brightness < 0.4, `brightness ${seen.brightness}`);
});

test('the dialog, Persian', async () => {
  const seen = await dialog('dialog-fa.png', signIn('fa'), {token: 'persian'});
  plausible(seen);
  assert.match(seen.title, /[\u0600-\u06ff]/);
});

const three = ['123456', '24680135', '24680135'];

test('changing the PIN, light', async () => {
  const seen = await dialog('change-pin.png', pinCare('changePin', 'en'), {token: 'card', typed: three});
  plausible(seen);
  assert.ok(seen.brightness > 0.7, `brightness ${seen.brightness}`);
  assert.equal(seen.title, 'Change PIN — Tokenbridge');
});

test('changing the PIN, dark', async () => {
  const seen = await dialog('change-pin-dark.png', pinCare('changePin', 'en'), {token: 'card', typed: three, dark: true});
  plausible(seen);
  assert.ok(seen.brightness < 0.4, `brightness ${seen.brightness}`);
});

test('changing the PIN, Persian', async () => {
  const seen = await dialog('change-pin-fa.png', pinCare('changePin', 'fa'), {token: 'persian', typed: three});
  plausible(seen);
  assert.match(seen.title, /[\u0600-\u06ff]/);
});

test('unblocking the PIN', async () => {
  const seen = await dialog('unblock-pin.png', pinCare('unblockPin', 'en'), {token: 'card', typed: ['12345678', '24680135', '2468']});
  plausible(seen);
  assert.equal(seen.title, 'Unblock PIN — Tokenbridge');
});

test('the popup', async () => {
  const stage = await Stage.set('chromium', lab, {token: 'card'});
  try {
    const page = await stage.browser.open(`chrome-extension://${stage.browser.extensionId}/popup/popup.html`);
    await page.setViewport({width: 400, height: 600, deviceScaleFactor: 1});
    await page.waitForFunction(() => /Sara Mohebbi/.test(document.body.innerText), {timeout: 20000});
    const text = await page.evaluate(() => document.body.innerText);
    for (const part of ['Staff card', 'Tokenbridge Lab Issuing CA', '0.1.0']) assert.ok(text.includes(part), `${part}: ${text}`);
    const height = await page.evaluate(() => Math.ceil(document.body.getBoundingClientRect().height) + 16);
    await page.setViewport({width: 400, height: Math.min(height, 900), deviceScaleFactor: 1});
    const file = place(stage, 'popup.png');
    await page.screenshot({path: file});
    plausible(judge(file));
  } finally {
    await stage.close();
  }
});
