// SPDX-License-Identifier: Apache-2.0
//
// The demo site over HTTP: sessions, nonces, what is refused. A client of our own plays the browser.

import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';
import {readFileSync} from 'node:fs';
import {Sessions} from '../sessions.mjs';
import {startServer} from '../server.mjs';
import {texts} from '../public/texts.mjs';
import {lab, makeToken, rawSign} from '../lab-tokens.mjs';

let here, site, now = 0;
const signedIn = [];

before(async () => {
  here = lab();
  site = await startServer({
    anchors: here.anchors, sessions: new Sessions({clock: () => now}), onSignIn: certificate => signedIn.push(certificate.name),
    extraPages: {'/extra': {type: 'text/plain', body: 'extra'}},
  });
});
after(async () => {
  await site.close();
  here.remove();
});

/** A browser's cookie jar and manners. */
function browser(origin = site.origin) {
  let cookie = '';
  return {
    get cookie() { return cookie; },
    set cookie(value) { cookie = value; },
    async post(path, body = {}, headers = {}) {
      const response = await fetch(`${origin}${path}`, {
        method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body),
        headers: {'content-type': 'application/json', origin, cookie, ...headers},
      });
      const set = response.headers.get('set-cookie');
      if (set) cookie = set.split(';')[0];
      return {status: response.status, set, ...await response.json()};
    },
  };
}

test('signing in, and out', async () => {
  const user = browser();
  const {nonce, set} = await user.post('/api/nonce');
  assert.match(nonce, /^[A-Za-z0-9+/]{43}=$/);
  assert.match(set, /; HttpOnly; SameSite=Strict; Path=\//);
  const before = user.cookie;
  const result = await user.post('/api/signin', {token: makeToken(here, 'p256', site.origin, nonce)});
  assert.equal(result.ok, true);
  assert.equal(result.certificate.subject, here.user('p256').subject);
  assert.deepEqual(result.checks.map(one => one.id), ['nonce', 'format', 'signature', 'validity', 'purpose', 'chain', 'revocation']);
  assert.deepEqual(signedIn.splice(0), ['Sara Mohebbi']);
  assert.notEqual(user.cookie, before);
  assert.equal((await user.post('/api/session')).user.name, 'Sara Mohebbi');
  const old = browser();
  old.cookie = before;
  assert.equal((await old.post('/api/session')).user, null);
  await user.post('/api/signout');
  assert.equal((await user.post('/api/session')).user, null);
});

test('a nonce serves once, also after a failure', async () => {
  const user = browser();
  const {nonce} = await user.post('/api/nonce');
  const token = makeToken(here, 'p256', site.origin, nonce);
  const bad = await user.post('/api/signin', {token: {...token, signature: makeToken(here, 'p256', site.origin, 'x').signature}});
  assert.equal(bad.ok, false);
  const again = await user.post('/api/signin', {token});
  assert.deepEqual(again, {status: 200, set: null, ok: false,
    checks: [{id: 'nonce', state: 'failed', detail: 'the nonce was used before, or never given'}]});
  assert.deepEqual(signedIn.splice(0), []);
});

test('a nonce serves once, also when two answers come at the same time', async () => {
  const user = browser();
  const {nonce} = await user.post('/api/nonce');
  const token = makeToken(here, 'p256', site.origin, nonce);
  const results = await Promise.all(Array.from({length: 8}, () => user.post('/api/signin', {token})));
  assert.equal(results.filter(one => one.ok).length, 1);
  signedIn.splice(0);
});

test('a nonce serves its own session only', async () => {
  const [user, thief] = [browser(), browser()];
  const {nonce} = await user.post('/api/nonce');
  await thief.post('/api/nonce');
  const result = await thief.post('/api/signin', {token: makeToken(here, 'p256', site.origin, nonce)});
  assert.equal(result.ok, false);
  assert.equal(result.checks.find(one => one.state === 'failed').id, 'signature');
});

test('a nonce expires after five minutes', async () => {
  const user = browser();
  for (const [passed, ok] of [[5 * 60e3, true], [5 * 60e3 + 1, false]]) {
    const {nonce} = await user.post('/api/nonce');
    now += passed;
    const result = await user.post('/api/signin', {token: makeToken(here, 'p256', site.origin, nonce)});
    assert.equal(result.ok, ok);
    if (!ok) assert.match(result.checks[0].detail, /expired/);
  }
  signedIn.splice(0);
});

test('the site has two names, and a nonce serves the one it was asked from', async () => {
  const other = `http://127.0.0.1:${site.port}`;
  const user = browser(other);
  const {nonce} = await user.post('/api/nonce');
  const wrong = await user.post('/api/signin', {token: makeToken(here, 'p256', site.origin, nonce)});
  assert.equal(wrong.ok, false);
  const fresh = await user.post('/api/nonce');
  const right = await user.post('/api/signin', {token: makeToken(here, 'p256', other, fresh.nonce)});
  assert.equal(right.ok, true);
  signedIn.splice(0);
});

test('a document', async () => {
  const user = browser();
  const text = 'ten boxes';
  const {hash} = await user.post('/api/document/hash', {text, hashFunction: 'SHA-256'});
  assert.equal(Buffer.from(hash, 'base64').length, 32);
  const person = here.user('p256-sign');
  const document = {
    text, certificate: readFileSync(person.der).toString('base64'),
    intermediates: [readFileSync(here.made.intermediate.replace(/pem$/, 'der')).toString('base64')],
    signature: rawSign('ES256', readFileSync(person.private_key), Buffer.from(text)).toString('base64'),
    signatureAlgorithm: {cryptoAlgorithm: 'ECC', hashFunction: 'SHA-256', paddingScheme: 'NONE'},
  };
  assert.equal((await user.post('/api/document/verify', document)).ok, true);
  assert.equal((await user.post('/api/document/verify', {...document, text: 'x'})).ok, false);
  assert.equal((await user.post('/api/document/hash', {text, hashFunction: 'MD5'})).status, 400);
});

test('requests from elsewhere, and malformed ones', async () => {
  const user = browser();
  assert.equal((await user.post('/api/nonce', {}, {origin: 'https://evil.example'})).status, 403);
  assert.equal((await user.post('/api/nonce', {}, {'content-type': 'text/plain'})).status, 415);
  assert.equal((await user.post('/api/nonce', '{')).status, 400);
  assert.equal((await user.post('/api/nonce', '[]')).status, 400);
  assert.equal((await user.post('/api/nonce', 'null')).status, 400);
  assert.equal((await user.post('/api/signin', `"${'x'.repeat(300000)}"`)).status, 413);
  assert.equal((await user.post('/api/other')).status, 405);
  assert.equal((await user.post('/api/signin', {})).ok, false);
});

test('pages: the fixed list, its headers, nothing else', async () => {
  const get = (path, headers = {}) => fetch(`${site.origin}${path}`, {headers});
  for (const path of ['/', '/style.css', '/page.mjs', '/texts.mjs', '/icon.svg', '/extra', '/?lang=fa']) {
    assert.equal((await get(path)).status, 200, path);
  }
  const page = await get('/');
  assert.match(page.headers.get('content-security-policy'), /default-src 'none'.*frame-ancestors 'none'/);
  assert.equal(page.headers.get('x-content-type-options'), 'nosniff');
  for (const path of ['/server.mjs', '/../server.mjs', '/%2e%2e/server.mjs', '/__proto__', '/constructor']) {
    assert.equal((await get(path)).status, 404, path);
  }
});

test('each language has every text, and a text for each error word of the protocol', () => {
  const keys = value => Object.entries(value).flatMap(([key, inner]) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner) ? keys(inner).map(one => `${key}.${one}`) : [key]).sort();
  assert.deepEqual(keys(texts.fa), keys(texts.en));
  const protocol = readFileSync(new URL('../../../docs/protocol.md', import.meta.url), 'utf8');
  const section = protocol.split(/^## /m).find(one => one.startsWith('1. '));
  const words = new Set([...section.matchAll(/^\| `(\w+)`/gm), ...section.split('adds words')[1].matchAll(/`(\w+)`/g)].map(one => one[1]));
  assert.ok(words.size >= 21);
  assert.deepEqual(Object.keys(texts.en.errors).sort(), [...words].sort());
  const page = readFileSync(new URL('../public/index.html', import.meta.url), 'utf8');
  for (const [, key] of page.matchAll(/data-(?:text|label)="(\w+)"/g)) assert.equal(typeof texts.en[key], 'string', key);
});
