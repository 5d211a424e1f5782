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

/** The dialog for an ordinary https site, asked for by the host itself. */
async function dialog(name, {lang = 'en', token = 'default', dark = false} = {}) {
  const stage = await Stage.set(null, lab, {token, dark});
  try {
    const host = new NativeHost(stage.env);
    const answer = host.call('authenticate', {origin: 'https://portal.example.org', nonce, lang});
    answer.catch(() => {}); // looked at below, after the picture
    const window = await stage.display.window();
    await stage.display.type('123456'); // shown as six bullets
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

function plausible({width, height, colours}) {
  assert.ok(width >= 300 && width <= 800, `width ${width}`);
  assert.ok(height >= 200 && height <= 900, `height ${height}`);
  assert.ok(colours > 50, `${colours} colours`);
}

test('the dialog, light', async () => {
  const seen = await dialog('dialog.png');
  plausible(seen);
  assert.ok(seen.brightness > 0.7, `brightness ${seen.brightness}`);
  assert.match(seen.title, /portal\.example\.org/);
});

test('the dialog, dark', async () => {
  const seen = await dialog('dialog-dark.png', {dark: true});
  plausible(seen);
  assert.ok(seen.brightness < 0.4, `brightness ${seen.brightness}`);
});

test('the dialog, Persian', async () => {
  const seen = await dialog('dialog-fa.png', {lang: 'fa', token: 'persian'});
  plausible(seen);
  assert.match(seen.title, /[\u0600-\u06ff]/);
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
