// SPDX-License-Identifier: Apache-2.0
// The administrator's policy: what it allows, and that a malformed one opens nothing.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import {test} from 'node:test';
import {isExactOrigin, parsePolicy} from '../../extension-js/src/policy.js';
import {Browser, NONCE, Page, TOKEN, holdTime, outcome} from './fakes.mjs';

holdTime();

const sign = async (browser, origin = 'https://site.example') => {
  const {code, result} = await outcome(new Page(browser, {origin}).library.authenticate(NONCE));
  return code ?? result;
};

test('without a policy every https site may ask; Firefox rejects when there is none', async () => {
  for (const managed of [{}, null]) {
    const browser = new Browser();
    browser.managed = managed;
    assert.deepEqual(await sign(browser), TOKEN);
  }
});

test('allowedOrigins refuses all others, by the whole origin', async () => {
  const browser = new Browser();
  browser.managed = {allowedOrigins: ['https://site.example']};
  assert.deepEqual(await sign(browser), TOKEN);
  for (const origin of ['https://site.example:8443', 'http://site.example', 'https://www.site.example', 'https://site.example.evil.example', 'https://evil-site.example']) {
    assert.equal(await sign(browser, origin), 'origin_refused', origin);
  }
});

test('an empty allowedOrigins refuses every site', async () => {
  const browser = new Browser();
  browser.managed = {allowedOrigins: []};
  assert.equal(await sign(browser), 'origin_refused');
});

test('blockedOrigins is stronger than all else, and covers status', async () => {
  const browser = new Browser();
  const list = ['https://site.example'];
  browser.managed = {allowedOrigins: list, blockedOrigins: list, gestureExemptOrigins: list, framedOrigins: list};
  assert.equal(await sign(browser), 'origin_refused');
  assert.equal((await outcome(new Page(browser).library.status())).code, 'origin_refused');
  assert.equal(browser.program.starts, 0);
});

test('a change takes effect at once', async () => {
  const browser = new Browser();
  assert.deepEqual(await sign(browser), TOKEN);
  browser.setPolicy({blockedOrigins: ['https://site.example']});
  assert.equal(await sign(browser), 'origin_refused');
  browser.setPolicy({});
  assert.deepEqual(await sign(browser), TOKEN);
});

test('a malformed policy refuses every site and names what is wrong', async t => {
  for (const [name, managed, said] of [
    ['not a list', {allowedOrigins: 'https://site.example'}, /allowedOrigins.*not a list/],
    ['a pattern', {blockedOrigins: ['https://*.example']}, /blockedOrigins.*https:\/\/\*\.example/],
    ['a trailing slash', {blockedOrigins: ['https://site.example/']}, /blockedOrigins/],
    ['upper case', {allowedOrigins: ['https://Site.example']}, /allowedOrigins/],
    ['default port', {allowedOrigins: ['https://site.example:443']}, /allowedOrigins/],
    ['no scheme', {allowedOrigins: ['site.example']}, /allowedOrigins/],
    ['a number', {gestureExemptOrigins: [7]}, /gestureExemptOrigins/],
    ['webEid a string', {webEid: 'false'}, /webEid/],
    ['a misspelt member', {blockedOrigin: ['https://bad.example']}, /"blockedOrigin" is not a known member/],
  ]) {
    await t.test(name, async () => {
      const browser = new Browser();
      browser.managed = managed;
      const {code, message} = await outcome(new Page(browser).library.authenticate(NONCE));
      assert.equal(code, 'origin_refused');
      assert.match(message, said);
      assert.equal(browser.program.starts, 0);
    });
  }
});

test('exact origins', () => {
  for (const good of ['https://a.example', 'https://a.example:8443', 'http://localhost', 'http://localhost:3000', 'https://xn--pike-loa.ee', 'https://[::1]:1']) {
    assert.equal(isExactOrigin(good), true, good);
  }
  for (const bad of ['', 'https://', 'https://a.example/', 'https://a.example/x', 'https://u@a.example', 'https://päike.ee', 'ftp://a.example', 'null', 'file://', 'https://a.example ', 'https://*.example', 'https://a..example/..', 7, null]) {
    assert.equal(isExactOrigin(bad), false, String(bad));
  }
});

test('the schema names exactly the members that are read', () => {
  const schema = JSON.parse(fs.readFileSync(new URL('../../extension-js/managed_schema.json', import.meta.url), 'utf8'));
  const all = Object.fromEntries(Object.entries(schema.properties).map(([name, {type}]) => [name, type === 'array' ? ['https://a.example'] : true]));
  assert.deepEqual(parsePolicy(all), all);
  assert.deepEqual(Object.keys(parsePolicy({})).sort(), Object.keys(schema.properties).sort());
});
